"""Embeddings of the windows of one recording, with their times: what diarization and search begin with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.speech import why_no_speech
from speakerssl.embeddings.model import SpeakerModel, unit_vectors
from speakerssl.embeddings.pieces import long_file, read_pieces
from speakerssl.embeddings.vad import KINDS, speech_segments
from speakerssl.errors import InputError

SHORTEST = 0.4  # seconds of a window; a shorter stretch of speech says little about who speaks


@dataclass(frozen=True)
class SegmentEmbeddings:
    """`times` float64 [N, 2], begin and end in seconds, ascending; `embeddings` float32 [N, D], unit vectors."""

    times: np.ndarray
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.times)


def embed_segments(
    model: SpeakerModel, audio: Any, window: float, step: float, vad: str, sample_rate: int = SAMPLE_RATE
) -> SegmentEmbeddings:
    """See `SpeakerModel.embed_segments`. A file of over ten minutes is never in memory as a whole."""
    if not (window >= SHORTEST and step > 0):
        raise InputError(f"window {window:g} s and step {step:g} s: at least {SHORTEST:g} and above 0 are needed")
    if vad not in KINDS:
        raise InputError(f"vad is '{vad}'; it must be one of: {', '.join(KINDS)}")
    times: list[tuple[float, float]] = []
    vectors: list[np.ndarray] = []
    begin = 0.0
    for piece in _pieces(model, audio, sample_rate):
        for first, last, wave in _windows(piece, model.sample_rate, window, step, vad):
            times.append((begin + first, begin + last))
            vectors.append(model.encode([wave])[0])
        begin += len(piece) / model.sample_rate
    matrix = unit_vectors(np.stack(vectors)) if vectors else np.zeros((0, model.embed_dim), np.float32)
    return SegmentEmbeddings(np.array(times, np.float64).reshape(-1, 2), matrix.astype(np.float32, copy=False))


def _pieces(model: SpeakerModel, audio: Any, sample_rate: int) -> Iterable[np.ndarray]:
    """The recording as it is, or two minutes at a time; windows end where a piece does."""
    found = long_file(audio)
    return [model.waveform(audio, sample_rate)] if found is None else read_pieces(*found, model.sample_rate)


def _windows(
    wave: np.ndarray, rate: int, window: float, step: float, vad: str
) -> Iterator[tuple[float, float, np.ndarray]]:
    """(begin, end, samples) of each window of each stretch of speech; those without speech after all are left out."""
    for begin, end in speech_segments(wave, rate, vad):
        for first in window_starts(begin, end, window, step):
            last = min(first + window, end)
            samples = wave[round(first * rate) : round(last * rate)]
            if last - first >= SHORTEST and not why_no_speech(samples, rate):
                yield first, last, samples


def window_starts(begin: float, end: float, window: float, step: float) -> list[float]:
    """Where windows begin in a stretch from `begin` to `end`: every `step`, the last one ending with the stretch."""
    last = end - window
    if last <= begin:
        return [begin]
    starts = [begin + step * number for number in range(int((last - begin) / step) + 1)]
    return starts if last - starts[-1] < 0.25 * step else [*starts, last]
