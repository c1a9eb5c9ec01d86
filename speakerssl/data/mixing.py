"""Several channels as one: their mean, unless they are each other's negative."""

import numpy as np

# The share of the channels' mean power that is left in their mean, in the loudest tenth of blocks. A voice in antiphase
# leaves 0 in WAV, and what a lossy codec got wrong after it: up to 1e-3 by AAC and Opus, 4e-3 by Vorbis as usual.
CANCELLED = 0.02
SUSPICIOUS = 0.3  # of the whole; with more nothing is looked at in blocks
BLOCK = 512  # samples


def mean_of_channels(samples: np.ndarray) -> tuple[np.ndarray, bool]:
    """The mean [S] of samples [S, channels] (float32), and whether they cancel each other, so that it is no voice."""
    wave = samples.mean(axis=1, dtype=np.float32)
    with np.errstate(all="ignore"):
        if not float(np.vdot(wave, wave)) < SUSPICIOUS * float(np.vdot(samples, samples)) / samples.shape[1]:
            return wave, False
        left, power = _block_powers(wave[:, None]), _block_powers(samples)
    loudest = np.argsort(power)[-max(1, len(power) // 10) :]
    return wave, bool(left[loudest].sum() < CANCELLED * power[loudest].sum())


def _block_powers(samples: np.ndarray) -> np.ndarray:
    """The mean power of each block of samples [S, channels]; of a short recording that of all."""
    size = min(BLOCK, len(samples))
    used = samples[: len(samples) // size * size]
    return np.square(used).reshape(len(used) // size, -1).mean(axis=1, dtype=np.float64)
