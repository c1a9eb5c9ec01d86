"""Embeddings of speech that is still coming in: the last seconds, again and again, in constant memory."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.data.resampling import resample
from speakerssl.data.speech import why_no_speech
from speakerssl.embeddings.audio_input import check_rate
from speakerssl.embeddings.model import SpeakerModel, unit_vectors
from speakerssl.errors import InputError

FORMATS = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}
BLOCK_SECONDS = 0.1  # that are read at a time


@dataclass(frozen=True)
class StreamEmbedding:
    """The unit vector [D] of the seconds from `begin` to `end`; None, with the reason, where there is no speech."""

    begin: float
    end: float
    embedding: np.ndarray | None
    reason: str = ""


class StreamEmbedder:
    """Takes samples as they come and gives an embedding of the last `window` seconds every `every` seconds.

    Args:
        model: embeds the windows.
        sample_rate: Hz of the samples that will come.
        window: seconds that are embedded; before so much has come, what there is from `every` seconds on.
        every: seconds from one embedding to the next.

    Raises InputError for a rate that is none, or `every` and `window` that are not above 0.
    """

    def __init__(
        self, model: SpeakerModel, sample_rate: int = SAMPLE_RATE, window: float = 3.0, every: float = 1.0
    ) -> None:
        if not (every >= 0.1 and window >= every):
            raise InputError(f"window {window:g} s, every {every:g} s: every is at least 0.1, and window as much as it")
        self.model, self.rate = model, check_rate(sample_rate)
        self.size, self.hop = round(window * self.rate), round(every * self.rate)
        self._buffer = np.zeros(0, np.float32)
        self._taken = 0  # samples that have come
        self._next = self.hop

    def feed(self, samples: np.ndarray) -> Iterator[StreamEmbedding]:
        """Takes samples [S] (float32, int16 range); yields what became due."""
        while self._taken + len(samples) >= self._next:
            needed = self._next - self._taken
            self._take(samples[:needed])
            samples = samples[needed:]
            self._next += self.hop
            yield self._embed()
        self._take(samples)

    def _take(self, samples: np.ndarray) -> None:
        self._buffer = np.concatenate([self._buffer, samples])[-self.size :]
        self._taken += len(samples)

    def _embed(self) -> StreamEmbedding:
        begin, end = (self._taken - len(self._buffer)) / self.rate, self._taken / self.rate
        wave, rate = self._buffer, self.model.sample_rate
        wave = wave if rate == self.rate else resample(wave, self.rate, rate)
        if reason := why_no_speech(wave, rate):
            return StreamEmbedding(begin, end, None, reason)
        return StreamEmbedding(begin, end, unit_vectors(self.model.encode([wave]))[0])


def read_stream(
    file: IO[bytes], sample_format: str, channels: int, sample_rate: int, idle_seconds: float | None = 0.0
) -> Iterator[np.ndarray]:
    """Raw interleaved samples of `file` as mono float32 [S] in the int16 range, a tenth of a second at a time.

    Args:
        sample_format: one of `FORMATS`.
        idle_seconds: how long a file that has come to its end may take to grow; 0: its end is the end; None: for ever.

    Raises InputError for an unknown format or no channels.
    """
    if sample_format not in FORMATS or channels < 1:
        known = ", ".join(FORMATS)
        raise InputError(f"format {sample_format} of {channels} channels; formats are {known}, channels 1 or more")
    kind = np.dtype(FORMATS[sample_format])
    frame = kind.itemsize * channels
    rest, waited = b"", 0.0
    while True:
        content = file.read(max(1, round(BLOCK_SECONDS * sample_rate)) * frame)
        if not content:
            if idle_seconds is not None and waited >= idle_seconds:
                return
            time.sleep(0.05)
            waited += 0.05
            continue
        waited = 0.0
        whole = (len(rest) + len(content)) // frame * frame
        data, rest = (rest + content)[:whole], (rest + content)[whole:]
        samples = np.frombuffer(data, kind).reshape(-1, channels)
        scale = FULL_SCALE if kind.kind == "f" else FULL_SCALE / -float(np.iinfo(kind).min)
        yield samples.mean(axis=1, dtype=np.float32) * np.float32(scale)


def open_growing(path: str) -> IO[bytes]:
    """A file of raw samples that may still be written. Raises InputError where it cannot be read."""
    if not os.path.exists(path):
        raise InputError(f"{path}: does not exist; raw samples are expected there, or on standard input")
    return open(path, "rb", buffering=0)
