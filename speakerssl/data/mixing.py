"""Several channels as one: their mean, unless they are each other's negative."""

import numpy as np

from speakerssl.constants import SAMPLE_RATE

# The share of the channels' mean power that is left in their mean, in the loudest tenth of blocks. A voice in antiphase
# leaves 0 in WAV, and what a lossy codec got wrong after it: up to 1e-3 by AAC and Opus, 4e-3 by Vorbis as usual. At
# low qualities codecs keep the phase between channels at low frequencies only: of real speech through the lowest Vorbis
# up to 0.7 of all is left, and up to 9e-3 of what is below 1 kHz.
CANCELLED = 0.02
SUSPICIOUS = 0.8  # of the whole; with more nothing is looked at in blocks
BLOCK = 0.032  # seconds
LOW = 0.0005  # seconds over which a mean is taken for what is below 1 kHz


def mean_of_channels(samples: np.ndarray, rate: int = SAMPLE_RATE) -> tuple[np.ndarray, bool]:
    """The mean [S] of samples [S, channels] (float32), and whether they cancel each other, so that it is no voice."""
    wave = samples.mean(axis=1, dtype=np.float32)
    with np.errstate(all="ignore"):
        if not float(np.vdot(wave, wave)) < SUSPICIOUS * float(np.vdot(samples, samples)) / samples.shape[1]:
            return wave, False
        if _is_cancelled(wave[:, None], samples, round(BLOCK * rate)):
            return wave, True
        step = max(1, round(LOW * rate))
        low = samples[: len(samples) // step * step].reshape(-1, step, samples.shape[1]).mean(1, dtype=np.float32)
        low = np.diff(low, axis=0)  # hum is no voice
        return wave, len(low) > 0 and _is_cancelled(low.mean(1, keepdims=True), low, round(BLOCK * rate / step))


def _is_cancelled(wave: np.ndarray, samples: np.ndarray, block: int) -> bool:
    """Whether next to nothing of `samples` [S, channels] is left in their mean `wave` [S, 1] where they are loudest."""
    left, power = _block_powers(wave, block), _block_powers(samples, block)
    loudest = np.argsort(power)[-max(1, len(power) // 10) :]
    return bool(left[loudest].sum() < CANCELLED * power[loudest].sum())


def _block_powers(samples: np.ndarray, block: int) -> np.ndarray:
    """The mean power of each block of samples [S, channels]; of a short recording that of all."""
    size = min(max(1, block), len(samples))
    used = samples[: len(samples) // size * size]
    return np.square(used).reshape(len(used) // size, -1).mean(axis=1, dtype=np.float64)
