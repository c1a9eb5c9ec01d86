"""Powers, SNRs and lengths: the arithmetic that every augmentation shares."""

import numpy as np

from speakerssl.constants import FULL_SCALE


def power(wave: np.ndarray) -> float:
    """Mean square of `wave` [S]; 0 for an empty one."""
    return float(np.dot(wave, wave)) / max(1, len(wave))


def snr_gain(speech: np.ndarray, noise: np.ndarray, snr_db: float, floor: float = 0.0) -> float:
    """The factor that puts `noise` `snr_db` below `speech`; 0 where either is digital silence.

    `floor` is added to both mean squares, those of samples in [-1, 1] (the VoxCeleb trainers have 1e-4, -40 dB): weak
    sounds then count as louder than they are.
    """
    floor *= FULL_SCALE**2
    speech_power, noise_power = power(speech) + floor, power(noise) + floor
    if speech_power <= 0.0 or noise_power <= 0.0:
        return 0.0
    return float(np.sqrt(speech_power / noise_power) * 10.0 ** (-snr_db / 20.0))


def mix_at_snr(speech: np.ndarray, noise: np.ndarray, snr_db: float, floor: float = 0.0) -> np.ndarray:
    """`speech` [S] plus `noise` [S], scaled so that 10 log10(power ratio over the S samples) is `snr_db`."""
    return speech + np.float32(snr_gain(speech, noise, snr_db, floor)) * noise


def match_power(wave: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`wave` scaled to the mean square of `reference`; a silent `wave` stays as it is."""
    current = power(wave)
    if current <= 0.0:
        return wave
    return wave * np.float32(np.sqrt(power(reference) / current))


def draw_range(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    """A uniform draw from (low, high)."""
    return float(rng.uniform(*bounds))


def draw_log_range(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    """A draw from (low, high) that is uniform in the logarithm: frequencies, times."""
    return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))


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
