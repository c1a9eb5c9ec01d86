"""Level and overload."""

import numpy as np

from speakerssl.augment.levels import draw_range


class Gain:
    """A random level: `aug(wave [S], rng) -> [S]`. Mean normalization hides it; dither and codecs do not.

    Args:
        gain_db: (low, high).
    """

    def __init__(self, gain_db: tuple[float, float] = (-20.0, 6.0)) -> None:
        self.gain_db = gain_db

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return wave * np.float32(10.0 ** (draw_range(rng, self.gain_db) / 20.0))


class Clip:
    """Overload: samples beyond a random share of the peak are cut off: `aug(wave [S], rng) -> [S]`.

    Args:
        level_db: range of the clipping level against the peak, below 0.
    """

    def __init__(self, level_db: tuple[float, float] = (-15.0, -3.0)) -> None:
        self.level_db = level_db

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        peak = float(np.abs(wave).max(initial=0.0))
        bound = np.float32(peak * 10.0 ** (draw_range(rng, self.level_db) / 20.0))
        return np.clip(wave, -bound, bound)
