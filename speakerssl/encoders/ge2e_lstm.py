"""The d-vector LSTM of GE2E (Wan et al. 2018, arXiv 1710.10467), with the partial utterances of Resemblyzer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.masking import at_least_float32
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError

WINDOWS_AT_ONCE = 64  # of a long recording


@register("ge2e_lstm")
class Ge2eLSTM(Encoder):
    """LSTM layers over partial utterances; ReLU of a linear layer on the last state; the mean of their unit vectors.

    1,423,616 parameters at 40 mel bins, as Resemblyzer's. A recording is cut into windows of `partial_frames` every
    `partial_step`; beyond its end come zeros, which are silence in features without a logarithm. The last window is
    left out where less than `min_coverage` of it is recording, unless it is the only one. Embeddings have length 1
    and no negative value, so that cosines lie between 0 and 1.

    Args:
        feat_dim: F, values a frame.
        hidden: units of a layer.
        layers: LSTM layers.
        embed_dim: D.
        partial_frames: frames of a window (160: 1.6 s).
        partial_step: frames from one window to the next (77: 1.3 windows a second).
        min_coverage: part of the last window that must be recording, 0 to 1.
        tail_frames: frames at the end of the features that reach beyond the recording (`extra_frames` of librosa_mel).
    """

    def __init__(
        self,
        feat_dim: int,
        hidden: int = 256,
        layers: int = 3,
        embed_dim: int = 256,
        partial_frames: int = 160,
        partial_step: int = 77,
        min_coverage: float = 0.75,
        tail_frames: int = 0,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        sizes_fit = min(hidden, layers, partial_step) >= 1 and partial_frames >= partial_step
        if not sizes_fit or tail_frames < 0 or not 0 < min_coverage <= 1:
            raise InputError(
                "ge2e_lstm: hidden, layers and partial_step must be at least 1, partial_frames at least partial_step, "
                "tail_frames 0 or more, min_coverage above 0 and at most 1"
            )
        self.partial_frames, self.partial_step, self.tail_frames = partial_frames, partial_step, tail_frames
        self.covered = min_coverage * partial_frames
        self.min_frames = 1 + tail_frames
        self.lstm = nn.LSTM(feat_dim, hidden, layers, batch_first=True)
        self.embedding = nn.Linear(hidden, embed_dim)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        # Sums, index tensors and an `end` that is no number of Python's: so an exported graph holds for any length.
        whole = torch.ones_like(feats[0, :, 0]).sum().long()
        counts = self.partials(whole if lengths is None else lengths)  # [] or [B]
        padded = functional.pad(feats, (0, 0, 0, self.partial_frames))
        end: Any = counts.max() * self.partial_step
        starts = torch.arange(0, end, self.partial_step, device=feats.device)
        place = starts[:, None] + torch.arange(self.partial_frames, device=feats.device)[None, :]
        windows = padded[:, place]  # [B, P, frames, F]
        units = self._unit_vectors(windows.flatten(0, 1)).reshape(*windows.shape[:2], self.embed_dim)
        used = torch.arange(windows.shape[1], device=feats.device)[None, :] < counts.reshape(-1, 1)  # [1 or B, P]
        return functional.normalize((units * used[:, :, None]).sum(dim=1))

    def embed_long(self, read: Callable[[int, int], Tensor], num_frames: int) -> Tensor:
        """The embedding [D] of a recording of any length, a few windows at a time; `read(begin, end)` gives frames."""
        count = int(self.partials(torch.tensor(num_frames)))
        total = torch.zeros(self.embed_dim)
        for first in range(0, count, WINDOWS_AT_ONCE):
            number = min(WINDOWS_AT_ONCE, count - first)
            begin = first * self.partial_step
            needed = (number - 1) * self.partial_step + self.partial_frames
            feats = read(begin, min(num_frames, begin + needed))
            feats = functional.pad(feats, (0, 0, 0, needed - len(feats)))
            windows = feats.unfold(0, self.partial_frames, self.partial_step).transpose(1, 2)
            total = total.to(feats) + self._unit_vectors(windows).sum(dim=0)
        return functional.normalize(total, dim=0)

    def _unit_vectors(self, windows: Tensor) -> Tensor:
        """[P, frames, F] -> [P, D]."""
        with torch.autocast("cpu", enabled=False):  # torch takes bfloat16 on processors where oneDNN has no such LSTM
            states, _ = self.lstm(windows)
        return functional.normalize(at_least_float32(torch.relu(self.embedding(states[:, -1]))))

    def partials(self, frames: Tensor) -> Tensor:
        """Windows that count, of recordings with so many `frames` of features, as integers of the same shape."""
        own = frames - self.tail_frames
        span = (own - self.partial_frames + self.partial_step + 1).clamp(min=1)
        counts = 1 + (span - 1) // self.partial_step
        last = (counts - 1) * self.partial_step
        uncovered = (own - 1 < last + self.covered) & (counts > 1)
        return counts - uncovered.to(counts.dtype)
