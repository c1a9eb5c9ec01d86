"""Long files in pieces of two minutes, so that no recording has to be in memory as a whole. No torch.

With crops only the crops are read.
"""

import math
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from speakerssl.data.opened import forget_opened, keep_open
from speakerssl.data.pipes import is_pipe
from speakerssl.data.speech import check_speech, why_no_speech
from speakerssl.data.utterance import Utterance
from speakerssl.embeddings.crops import Crops

STREAM_SECONDS = 600.0  # longer files are read in pieces
SMALL_FILE = 400_000  # bytes: less than that cannot be long, at 5 kbit/s
PIECE_SECONDS = 120
MARGIN_SECONDS = 1  # on either side of a piece, so that resampling sees what follows


def read_pieces(utterance: Utterance, seconds: float, sample_rate: int) -> Iterator[np.ndarray]:
    """The samples of `utterance` (of `seconds`) in order, two minutes at a time: float32 [S], int16 range."""
    count = max(1, math.ceil(seconds / PIECE_SECONDS - 0.01))
    try:
        for number in range(count):
            margin = MARGIN_SECONDS if number else 0
            is_last = number + 1 == count
            length = None if is_last else PIECE_SECONDS + margin + MARGIN_SECONDS
            wave = utterance.read_on(number * PIECE_SECONDS - margin, length, sample_rate)
            begin = margin * sample_rate
            yield wave[begin:] if is_last else wave[begin : begin + PIECE_SECONDS * sample_rate]
    finally:
        _close(utterance)


def read_crops(utterance: Utterance, seconds: float, crops: Crops, sample_rate: int) -> np.ndarray:
    """The crops [n, L] of an utterance that is longer than one crop, each read by itself."""
    length = round(crops.seconds * sample_rate)
    rows = []
    for start in crops.starts(round(seconds * sample_rate), length):
        margin = min(MARGIN_SECONDS * sample_rate, int(start))
        wave = utterance.read_on((start - margin) / sample_rate, crops.seconds + 2 * MARGIN_SECONDS, sample_rate)
        rows.append(wave[margin : margin + length])
    shortest = min(map(len, rows))  # resampled, the end may be a sample earlier than the length says
    return np.stack([row[:shortest] for row in rows])


def has_speech(crops: np.ndarray, sample_rate: int) -> bool:
    """Whether any of the crops [n, L] holds speech, by the rule of data.speech."""
    return any(not why_no_speech(crop, sample_rate) for crop in crops)


def _close(utterance: Utterance) -> None:
    """Frees what an utterance that is a whole recording kept open; the segments after it may need it."""
    if not utterance.is_segment:
        forget_opened()


def checked_pieces(
    pieces: Iterable[np.ndarray], sample_rate: int, name: str, on_no_speech: str
) -> Iterator[np.ndarray]:
    """`pieces` as they are; after the last one the rule of data.speech is applied, if none of them holds speech."""
    speechless: np.ndarray | None = None
    has_speech = False
    for piece in pieces:
        if not has_speech:
            has_speech = not why_no_speech(piece, sample_rate)
            speechless = piece if speechless is None else speechless
        yield piece
    if not has_speech and speechless is not None:
        check_speech(speechless, sample_rate, name, on_no_speech)


def long_file(audio: Any) -> tuple[Utterance, float] | None:
    """The file `audio` and its seconds, where it is one that is to be read in pieces; None for anything else."""
    if not isinstance(audio, (str, os.PathLike)):
        return None
    path = os.fsdecode(audio)
    if is_pipe(path):  # never run for a caller of `embed`
        return None
    utterance = Utterance(path, path)
    seconds = long_seconds(utterance)
    return None if seconds is None else (utterance, seconds)


def long_seconds(utterance: Utterance) -> float | None:
    """The seconds of an utterance that is to be read in pieces; None for a shorter one. Raises AudioError."""
    if utterance.end is not None and utterance.end - utterance.start <= STREAM_SECONDS:
        return None
    if is_pipe(utterance.source):
        samples, rate = keep_open(utterance.source, utterance.where).length()  # its command runs once
        seconds = utterance.extent(samples / rate) if utterance.is_segment else samples / rate
    elif not os.path.isfile(utterance.source) or os.path.getsize(utterance.source) < SMALL_FILE:
        return None
    else:
        seconds = utterance.duration()
    return seconds if seconds > STREAM_SECONDS else None


def utterance_name(utterance: Utterance) -> str:
    """`wav.scp:LINE: file`, as messages on audio name a recording; its id where it is not from a list."""
    return f"{utterance.where}: {utterance.source}" if utterance.where else utterance.id
