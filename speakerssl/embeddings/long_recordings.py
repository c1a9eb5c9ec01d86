"""Recordings of any length in the memory of a minute: read in pieces, features in a temporary file, then windows."""

import logging
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speakerssl.data.speech import check_speech, why_no_speech
from speakerssl.data.utterance import Utterance
from speakerssl.encoders import Encoder
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.windows import embed_windows
from speakerssl.features.frames import num_frames
from speakerssl.features.frontend import FeatureFrontend

STREAM_SECONDS = 600.0  # longer files are read in pieces
SMALL_FILE = 400_000  # bytes: less than that cannot be long, at 5 kbit/s
PIECE_SECONDS = 120
MARGIN_SECONDS = 1  # on either side of a piece, so that resampling sees what follows
WHOLE_BYTES = {"cpu": 384 * 2**20}  # what the network may take for one recording as a whole
DEVICE_BYTES = 8 * 2**30
WINDOW_BYTES = 64 * 2**20

_log = logging.getLogger("speakerssl")
_said: set[str] = set()


def fits_whole(encoder: Encoder, frames: int) -> bool:
    """Whether a recording of so many frames goes through the network at once, in bounded memory."""
    device = next(encoder.parameters()).device.type
    return frames * (encoder.reach or Reach(0)).frame_bytes <= WHOLE_BYTES.get(device, DEVICE_BYTES)


def read_pieces(utterance: Utterance, seconds: float, sample_rate: int) -> Iterator[np.ndarray]:
    """The samples of `utterance` (of `seconds`) in order, two minutes at a time: float32 [S], int16 range."""
    count = max(1, math.ceil(seconds / PIECE_SECONDS - 0.01))
    for number in range(count):
        margin = MARGIN_SECONDS if number else 0
        is_last = number + 1 == count
        length = None if is_last else PIECE_SECONDS + margin + MARGIN_SECONDS
        wave = utterance.read(number * PIECE_SECONDS - margin, length, sample_rate)
        begin = margin * sample_rate
        yield wave[begin:] if is_last else wave[begin : begin + PIECE_SECONDS * sample_rate]


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


def long_file(audio: Any, seconds_at_least: float = STREAM_SECONDS) -> tuple[Utterance, float] | None:
    """The file `audio` and its seconds, where it is one that is to be read in pieces; None for anything else."""
    if not isinstance(audio, (str, os.PathLike)) or os.fsdecode(audio).rstrip().endswith("|"):
        return None
    path = os.fsdecode(audio)
    if not os.path.isfile(path) or os.path.getsize(path) < SMALL_FILE:
        return None
    utterance = Utterance(path, path)
    seconds = utterance.duration()
    return (utterance, seconds) if seconds > seconds_at_least else None


class FeatureFile:
    """Normalized features of one recording in a temporary file; `read(begin, end)` gives frames [n, F].

    Frames are computed piece by piece where each depends on its own samples alone and only the mean of all is taken
    off; with sliding normalization, deltas or VAD all features are held in memory once (2 MB a minute at 80 values).
    """

    def __init__(self, frontend: FeatureFrontend, pieces: Iterable[np.ndarray], device: torch.device) -> None:
        self.frontend, self.device = frontend, device
        self.file = tempfile.TemporaryFile(prefix="speakerssl-")  # noqa: SIM115 - closed by `close`
        self.num_frames, self.dim = 0, frontend.feature_dim
        self.mean: Tensor | None = None
        post = frontend.post
        if post.cmn in ("utterance", "none") and not post.deltas and frontend.vad is None and self._snips:
            self._stream(pieces)
        else:
            wave = torch.from_numpy(np.concatenate(list(pieces))).to(device)
            self._write(frontend.recording(wave))

    @property
    def _snips(self) -> bool:
        return bool(getattr(self.frontend.raw.options, "snip_edges", False))

    def read(self, begin: int, end: int) -> Tensor:
        self.file.seek(4 * begin * self.dim)
        content = self.file.read(4 * (end - begin) * self.dim)
        feats = torch.from_numpy(np.frombuffer(content, np.float32).reshape(-1, self.dim).copy()).to(self.device)
        return feats if self.mean is None else feats - self.mean

    def close(self) -> None:
        self.file.close()

    def _stream(self, pieces: Iterable[np.ndarray]) -> None:
        options, rest = self.frontend.raw.options, np.empty(0, np.float32)
        total = torch.zeros(self.dim, dtype=torch.float64, device=self.device)
        for piece in pieces:
            wave = np.concatenate([rest, piece])
            frames = num_frames(len(wave), options)
            if frames:
                used = torch.from_numpy(wave[: (frames - 1) * options.window_shift + options.window_size])
                feats = self.frontend.raw(used[None].to(self.device))[0]
                total += feats.sum(0, dtype=torch.float64)
                self._write(feats)
                wave = wave[frames * options.window_shift :]
            rest = wave
        if self.frontend.post.cmn == "utterance":
            self.mean = (total / max(1, self.num_frames)).float()

    def _write(self, feats: Tensor) -> None:
        self.file.write(feats.float().cpu().numpy().tobytes())
        self.num_frames += len(feats)


@torch.no_grad()
def embed_features(encoder: Encoder, features: FeatureFile) -> np.ndarray:
    """The embedding float32 [D] of a long recording, as of the whole; where the encoder cannot, it is said."""
    if fits_whole(encoder, features.num_frames):
        return encoder(features.read(0, features.num_frames)[None])[0].float().cpu().numpy()
    reach = encoder.reach or Reach(0)
    window = max(200, WINDOW_BYTES // reach.frame_bytes)
    if encoder.reach is not None:
        found = embed_windows(encoder, features.read, features.num_frames, window)
    else:
        found = _overlapping(encoder, features, window)
    return found.float().cpu().numpy()


def _overlapping(encoder: Encoder, features: FeatureFile, window: int) -> Tensor:
    """The mean direction of windows that overlap by half, with the mean of their lengths."""
    name = type(encoder).__name__
    if name not in _said:
        _said.add(name)
        _log.warning(
            "%s cannot combine windows exactly: a long recording gets the mean embedding of windows of %d frames "
            "that overlap by half (said once)", name, window,
        )  # fmt: skip
    window = min(window, features.num_frames)
    count = max(1, math.ceil((features.num_frames - window) / (window / 2)) + 1)
    starts = np.linspace(0, features.num_frames - window, count).round().astype(int)
    found = torch.cat([encoder(features.read(int(start), int(start) + window)[None]) for start in starts]).float()
    return nn.functional.normalize(found).mean(dim=0) * found.norm(dim=1).mean()
