"""The normalized features of one recording of any length in a temporary file, computed piece by piece."""

import math
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
import torch
from torch import Tensor

from speakerssl.embeddings.freed_memory import give_back_freed_memory
from speakerssl.features.base import Whole
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.features.pieces import FrameStream

CHUNK = 20_000  # frames that are normalized at once
GIVE_BACK_EVERY = 4  # pieces of samples or features
MIN_CMN_WINDOW = 100  # of sliding normalization: features.cmvn looks at as many at the start


class FeatureFile:
    """Features as `frontend.recording` gives them; `read(begin, end)` gives frames [n, F].

    Two temporary files (in TMPDIR) hold them, first raw, then finished: 1.9 MB a minute each at 80 values. In memory
    are a piece of samples, `CHUNK` frames, and 4 bytes a frame with VAD.
    """

    def __init__(self, frontend: FeatureFrontend, pieces: Iterable[np.ndarray], device: torch.device) -> None:
        self.frontend, self.device = frontend, device
        self.num_frames, self.dim = 0, frontend.feature_dim
        self._pieces = 0
        self._raw_dim = frontend.raw.feature_dim
        self._whole = Whole(-math.inf, 0.0)
        self._file = tempfile.TemporaryFile(prefix="speakerssl-")  # noqa: SIM115 - closed by `close`
        try:
            with tempfile.TemporaryFile(prefix="speakerssl-") as raw:
                frames, energies = self._compute(pieces, raw)
                if frames:
                    self._finish(raw, frames, energies)
        except BaseException:
            self.close()
            raise

    def read(self, begin: int, end: int) -> Tensor:
        return self._read(self._file, begin, end, self.dim)

    def close(self) -> None:
        self._file.close()

    def _compute(self, pieces: Iterable[np.ndarray], raw: IO[bytes]) -> tuple[int, Tensor | None]:
        """Writes raw features; returns their number and, with VAD, the log energies of the frames."""
        options = self.frontend.raw.options
        snipped = options.snip_edges and not options.centred
        features = FrameStream(lambda wave: self.frontend.raw.local(wave.to(self.device)), options, snipped)
        energy = FrameStream(lambda wave: self.frontend.raw.log_energies(wave[None])[0], options, snipped)
        found: list[Tensor] = []
        frames = samples = 0
        peak, squares = -math.inf, 0.0
        for piece, is_last in _marked(pieces):
            samples, squares = samples + len(piece), squares + float(np.square(piece, dtype=np.float64).sum())
            new = features.push(piece, is_last)
            if self.frontend.vad is not None and (loudness := energy.push(piece, is_last)) is not None:
                found.append(loudness)
            if new is not None:
                peak = max(peak, float(new.max())) if len(new) else peak
                raw.write(new.float().cpu().numpy().tobytes())
                frames += len(new)
            self._freed()
        self._whole = Whole(peak, math.sqrt(squares / max(1, samples)))
        return frames, torch.cat(found) if found else None

    def _finish(self, raw: IO[bytes], frames: int, energies: Tensor | None) -> None:
        """Writes the features of `raw` normalized, with derivatives, and without the frames that are no speech."""
        mean, scale = self._mean_and_scale(raw, frames)
        voiced = None if energies is None else self.frontend.voiced_frames(energies[None])[0].numpy()
        for begin in range(0, frames, CHUNK):
            end = min(begin + CHUNK, frames)
            chunk = self._normalized(raw, begin, end, frames, mean, scale).float().cpu().numpy()
            chunk = chunk if voiced is None else chunk[voiced[begin:end]]
            self._file.write(chunk.tobytes())
            self.num_frames += len(chunk)

    def _mean_and_scale(self, raw: IO[bytes], frames: int) -> tuple[Tensor, Tensor]:
        """What utterance normalization takes off and multiplies with; 0 and 1 with any other kind."""
        post, zero = self.frontend.post, torch.zeros(self._raw_dim, device=self.device)
        if post.cmn != "utterance":
            return zero, zero + 1
        chunks = [(begin, min(begin + CHUNK, frames)) for begin in range(0, frames, CHUNK)]
        sums = [self._raw(raw, *chunk).sum(0, dtype=torch.float64) for chunk in chunks]
        mean = (torch.stack(sums).sum(0) / frames).float()
        if not post.norm_vars:
            return mean, zero + 1
        squares = [(self._raw(raw, *chunk) - mean).square().sum(0, dtype=torch.float64) for chunk in chunks]
        return mean, (torch.stack(squares).sum(0) / frames + post.added_variance).clamp(min=1e-20).rsqrt().float()

    def _normalized(self, raw: IO[bytes], begin: int, end: int, frames: int, mean: Tensor, scale: Tensor) -> Tensor:
        post = self.frontend.post
        context = post.deltas * post.delta_window
        if post.cmn == "sliding":
            context += max(post.cmn_window, MIN_CMN_WINDOW)
        first, last = max(0, begin - context), min(frames, end + context)
        part = (self._raw(raw, first, last) - mean) * scale
        return self.frontend.after_mean(part[None])[0, begin - first : end - first]

    def _raw(self, raw: IO[bytes], begin: int, end: int) -> Tensor:
        """Raw features [n, F'] as they are in the whole recording."""
        return self.frontend.raw.of_whole(self._read(raw, begin, end, self._raw_dim), self._whole)

    def _freed(self) -> None:
        """Memory goes back every few pieces: at each one it took half as long as all else, for 30 MB less."""
        self._pieces += 1
        if self._pieces % GIVE_BACK_EVERY == 0:
            give_back_freed_memory()

    def _read(self, file: IO[bytes], begin: int, end: int, dim: int) -> Tensor:
        self._freed()  # the frames that were read before
        file.seek(4 * begin * dim)
        content = file.read(4 * (end - begin) * dim)
        return torch.from_numpy(np.frombuffer(content, np.float32).reshape(-1, dim).copy()).to(self.device)


def _marked(pieces: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """Each piece, and whether it is the last."""
    before: np.ndarray | None = None
    for piece in pieces:
        if before is not None:
            yield before, False
        before = piece
    if before is not None:
        yield before, True
