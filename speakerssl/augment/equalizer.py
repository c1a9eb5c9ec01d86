"""A random smooth equalizer: microphones, telephones and rooms colour speech, and the encoder should not care.

The curve is a sum, in dB, of a tilt, two shelves and a few bells on a logarithmic frequency axis; zero phase.
"""

import numpy as np

from speakerssl.augment.levels import draw_log_range, draw_range, match_power
from speakerssl.augment.spectral import filter_by_curve, interpolate_db

_POINTS = np.concatenate([[0.0], np.geomspace(40.0, 8000.0, 96)])
_OCTAVES = np.log2(np.maximum(_POINTS, 40.0))


class Equalizer:
    """`aug(wave [S], rng) -> [S]` at the same power.

    Args:
        gain_db: bound of each bell's and shelf's gain, to both sides.
        tilt_db: bound of the tilt in dB an octave, to both sides.
        bells: most bells that are drawn.
    """

    def __init__(self, gain_db: float = 10.0, tilt_db: float = 2.0, bells: int = 4) -> None:
        self.gain_db, self.tilt_db, self.bells = gain_db, tilt_db, bells

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        levels = self.draw(rng)
        return match_power(filter_by_curve(wave, lambda hz: interpolate_db(_POINTS, levels, hz)), wave)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Levels in dB at 97 frequencies, from 0 Hz to 8 kHz."""
        levels = draw_range(rng, (-self.tilt_db, self.tilt_db)) * (_OCTAVES - np.log2(1000.0))
        low, high = draw_log_range(rng, (80.0, 400.0)), draw_log_range(rng, (2000.0, 6000.0))
        for corner, side in ((low, -1.0), (high, 1.0)):
            gain = draw_range(rng, (-self.gain_db, self.gain_db))
            levels += gain / (1.0 + np.exp(-side * 4.0 * (_OCTAVES - np.log2(corner))))
        for _ in range(int(rng.integers(self.bells + 1))):
            centre, width = np.log2(draw_log_range(rng, (100.0, 7000.0))), draw_range(rng, (0.25, 1.2))
            gain = draw_range(rng, (-self.gain_db, self.gain_db))
            levels += gain * np.exp(-0.5 * ((_OCTAVES - centre) / width) ** 2)
        return np.clip(levels, -40.0, 20.0)
