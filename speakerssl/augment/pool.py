"""Random stretches of many recordings, fast: decoded chunks are kept as int16 up to a bound of memory.

What is drawn depends on the generator alone, never on what happens to be in the cache: every chunk is always decoded
in the same way, so a run that is resumed with an empty cache draws the same samples.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speakerssl.data.audio import audio_info, read_audio
from speakerssl.data.crops import wrap_pad
from speakerssl.errors import InputError

CHUNK_SECONDS = 15.0


class AudioPool:
    """Draws random stretches from `sources` (paths or Kaldi pipes), each source equally likely.

    Args:
        sources: recordings; read when first drawn.
        memory_mb: bound of the decoded samples that are kept, in 2^20 bytes.
        name: what an error calls this pool.

    Raises:
        InputError: no sources; later, on drawing, a recording that cannot be read.
    """

    def __init__(self, sources: Sequence[str | Path], memory_mb: float = 256.0, name: str = "noise") -> None:
        if not sources:
            raise InputError(f"{name}: there is no recording to draw from")
        self.sources = [str(source) for source in sources]
        self.name = name
        self._bound = int(memory_mb * 2**20)
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
            frames, rate = audio_info(self.sources[source], where=self.name)
            self._seconds[source] = frames / rate
        # The last chunk takes the rest, so that no chunk is a sliver.
        return max(1, int(self._seconds[source] / CHUNK_SECONDS))

    def _chunk(self, source: int, index: int) -> np.ndarray:
        key = (source, index)
        if key in self._chunks:
            self._chunks.move_to_end(key)
            return self._chunks[key]
        is_last = index + 1 == self._num_chunks(source)
        samples = read_audio(
            self.sources[source],
            start=index * CHUNK_SECONDS,
            duration=None if is_last else CHUNK_SECONDS,
            where=self.name,
        )
        chunk = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
        self._chunks[key] = chunk
        self._bytes += chunk.nbytes
        while self._bytes > self._bound and len(self._chunks) > 1:
            self._bytes -= self._chunks.popitem(last=False)[1].nbytes
        return chunk
