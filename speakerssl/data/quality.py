"""What makes a recording useless or harmful that can nevertheless be read, measured on its samples.

Each measure is one decision with one number behind it, so that a table can show why a recording was named.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from speakerssl.constants import FULL_SCALE
from speakerssl.data.audio import Recording
from speakerssl.data.opened import keep_open
from speakerssl.data.speech import why_no_speech
from speakerssl.data.utterance import Utterance

SILENT_DB = -85.0  # of full scale, after the mean is taken off: below the dither of 16 bits
CLIPPED_SHARE = 0.001  # of all samples, in runs of at least three at the largest magnitude
CLIPPED_RUN = 3
CLIPPED_LEAST = 0.05  # of full scale: quieter peaks are rounding, not clipping
DIFFERENT_CHANNELS = 0.5  # correlation below which two channels are not one voice on two microphones
_EPSILON = 1e-12


@dataclass(frozen=True)
class Quality:
    """The measures of one recording.

    Attributes:
        seconds, rate: length, and samples a second in the file.
        level_db: root mean square in dB of full scale, the mean taken off.
        clipped: share of the samples that lie in runs at the largest magnitude.
        correlation: of the first two channels; None for one channel.
        channel_levels_db: like `level_db`, of each channel.
        no_speech: why there is no speech in it, or ''.
        digest: equal for equal samples, whatever the container.
    """

    seconds: float
    rate: int
    level_db: float
    clipped: float
    correlation: float | None
    channel_levels_db: tuple[float, ...]
    no_speech: str
    digest: str


def measure(utterance: Utterance) -> Quality:
    """Decodes and measures one recording. Raises AudioError."""
    if not utterance.is_segment:
        with Recording(utterance.source, utterance.where) as recording:
            return _measure(recording.read_channels(), recording.length()[1])
    recording = keep_open(utterance.source, utterance.where)
    samples, rate = recording.length()
    seconds = utterance.extent(samples / rate, recording.channels)
    channels = recording.read_channels(utterance.start, seconds)
    return _measure(channels if utterance.channel is None else channels[:, [utterance.channel]], rate)


def _measure(channels: np.ndarray, rate: int) -> Quality:
    """The measures of samples [S, C] in the int16 range."""
    mono = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    return Quality(
        seconds=len(channels) / rate,
        rate=rate,
        level_db=_level_db(mono),
        clipped=max(clipped_share(channels[:, c]) for c in range(channels.shape[1])),
        correlation=_correlation(channels[:, 0], channels[:, 1]) if channels.shape[1] > 1 else None,
        channel_levels_db=tuple(_level_db(channels[:, c]) for c in range(channels.shape[1])),
        no_speech=why_no_speech(mono, rate),
        digest=_digest(channels, rate),
    )


def _digest(channels: np.ndarray, rate: int) -> str:
    content = hashlib.blake2b(f"{rate} {channels.shape[1]} ".encode(), digest_size=16)
    content.update(np.ascontiguousarray(channels, "<f4").tobytes())
    return content.hexdigest()


def clipped_share(samples: np.ndarray) -> float:
    """Share of `samples` [S] in runs of at least `CLIPPED_RUN` equal values at the largest magnitude."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < CLIPPED_LEAST * FULL_SCALE:
        return 0.0
    total = 0
    for at_peak in (samples >= samples.max() - 0.5, samples <= samples.min() + 0.5):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], at_peak, [False]]).astype(np.int8)))
        runs = edges[1::2] - edges[::2]
        total += int(runs[runs >= CLIPPED_RUN].sum())
    return total / len(samples)


def _level_db(samples: np.ndarray) -> float:
    centred = samples - samples.mean(dtype=np.float64).astype(np.float32)
    deviation = float(np.sqrt(np.dot(centred, centred) / len(centred))) / FULL_SCALE
    return round(20 * float(np.log10(max(deviation, _EPSILON))), 1)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """-1 to 1; 0 where one of them is constant."""
    a, b = first - first.mean(), second - second.mean()
    norm = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return float(np.dot(a, b)) / norm if norm > _EPSILON else 0.0
