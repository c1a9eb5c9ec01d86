"""Random stretches of many recordings, fast: decoded chunks are kept as int16 up to a bound of memory.

Most of them lie in memory that the processes forked from this one share; a process keeps some more of its own.

What is drawn depends on the generator alone, never on what happens to be in the cache: every chunk is always decoded
in the same way, so a run that is resumed with an empty cache draws the same samples.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.augment.shared_arrays import SharedArrays
from speakerssl.constants import FULL_SCALE
from speakerssl.data.audio import audio_info, read_audio
from speakerssl.data.crops import wrap_pad
from speakerssl.errors import InputError

CHUNK_SECONDS = 15.0


class AudioPool:
    """Draws random stretches from `sources` (paths or Kaldi pipes), each source equally likely.

    Args:
        sources: recordings, as paths or as objects that have `read(start, duration)` and `duration()`; read when first
            drawn.
        memory_mb: bound of the decoded samples that are kept, in 2^20 bytes: in what forked processes share, and a
            quarter of it in each of them for what finds no place there.
        name: what an error calls this pool.

    Raises:
        InputError: no sources; later, on drawing, a recording that cannot be read.
    """

    def __init__(self, sources: Sequence[Any], memory_mb: float = 256.0, name: str = "noise") -> None:
        if not sources:
            raise InputError(f"{name}: there is no recording to draw from")
        self.sources = [source if hasattr(source, "read") else str(source) for source in sources]
        self.name = name
        self._shared = SharedArrays(np.int16, memory_mb)
        self._bound = int(memory_mb / 4 * 2**20)
        self._bytes = 0
        self._chunks: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._seconds: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.sources)

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """A random stretch of a random source, repeated where the source is shorter: float32 [samples]."""
        return self.stretch(int(rng.integers(len(self.sources))), rng, samples)

    def stretch(self, source: int, rng: np.random.Generator, samples: int) -> np.ndarray:
        """A random stretch of the source of that index: float32 [samples]."""
        first = int(rng.integers(self._num_chunks(source)))
        chunk = self._chunk(source, first)
        if len(chunk) <= samples:
            return wrap_pad(chunk, samples).astype(np.float32)
        start = int(rng.integers(len(chunk) - samples + 1))
        return chunk[start : start + samples].astype(np.float32)

    def _num_chunks(self, source: int) -> int:
        if source not in self._seconds:
            self._seconds[source] = self._length(self.sources[source])
        # The last chunk takes the rest, so that no chunk is a sliver.
        return max(1, int(self._seconds[source] / CHUNK_SECONDS))

    def _length(self, source: Any) -> float:
        if not isinstance(source, str):
            return float(source.duration())
        frames, rate = audio_info(source, where=self.name)
        return frames / rate

    def _chunk(self, source: int, index: int) -> np.ndarray:
        is_last = index + 1 == self._num_chunks(source)
        return self._kept((source, index), index * CHUNK_SECONDS, None if is_last else CHUNK_SECONDS)

    def _kept(self, key: tuple[int, int], start: float, duration: float | None) -> np.ndarray:
        """int16 samples of source `key[0]` from `start` on, in seconds; kept under `key`."""
        if (shared := self._shared.get((*key, 0))) is not None:
            return shared
        if key in self._chunks:
            self._chunks.move_to_end(key)
            return self._chunks[key]
        opened = self.sources[key[0]]
        if isinstance(opened, str):
            samples = read_audio(opened, start=start, duration=duration, where=self.name)
        else:
            samples = opened.read(start, duration)
        chunk = np.clip(np.rint(samples), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        if self._shared.put((*key, 0), chunk):
            return chunk
        self._chunks[key] = chunk
        self._bytes += chunk.nbytes
        while self._bytes > self._bound and len(self._chunks) > 1:
            self._bytes -= self._chunks.popitem(last=False)[1].nbytes
        return chunk


class PiecePool(AudioPool):
    """Draws from recordings that are cut into pieces first, each piece equally likely: a long one is drawn more often.

    So do the VoxCeleb trainers after splitting MUSAN. The pieces do not overlap; what is left at the end of a
    recording, and one that is no longer than a piece, is not drawn at all, as there.

    Args:
        seconds: length of a piece.

    Raises:
        InputError: as AudioPool, on making it where a recording cannot be read, and where none is long enough.
    """

    def __init__(
        self, sources: Sequence[str | Path], seconds: float, memory_mb: float = 256.0, name: str = "noise"
    ) -> None:
        super().__init__(sources, memory_mb, name)
        self.seconds = seconds
        counts = []
        for source in self.sources:
            frames, rate = audio_info(source, where=name)
            counts.append(max(0, -(-(frames - round(seconds * rate)) // round(seconds * rate))))
        self._ends = np.cumsum(counts)
        if not self._ends[-1]:
            raise InputError(f"{name}: no recording is longer than a piece of {seconds:g} s")

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """A random stretch of a random piece, repeated where the piece is shorter: float32 [samples]."""
        number = int(rng.integers(self._ends[-1]))
        source = int(np.searchsorted(self._ends, number, side="right"))
        piece = self._piece(source, number - (int(self._ends[source - 1]) if source else 0))
        if len(piece) <= samples:
            return wrap_pad(piece, samples).astype(np.float32)
        start = int(rng.integers(len(piece) - samples + 1))
        return piece[start : start + samples].astype(np.float32)

    def _piece(self, source: int, index: int) -> np.ndarray:
        return self._kept((source, index), index * self.seconds, self.seconds)
