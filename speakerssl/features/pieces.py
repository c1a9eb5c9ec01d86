"""Frames of a recording that arrives in pieces: as those of the whole, in the memory of a piece."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from speakerssl.features.options import FrameOptions


class FrameStream:
    """Applies `compute`, which makes frames [n, ...] of samples [S], to a recording given piece by piece.

    Frame k may depend on samples within one frame length of k * shift, and at the recording's ends on nothing beyond
    them; Kaldi's framing of either kind and centred frames are like that. Each piece is computed with that margin.
    """

    def __init__(self, compute: Callable[[Tensor], Tensor], options: FrameOptions, is_snipped: bool) -> None:
        """`is_snipped`: frame k begins at k * shift and ends inside the recording, so that no margin is needed."""
        self.compute, self.shift = compute, options.window_shift
        self.least = options.window_size
        self.margin = 0 if is_snipped else math.ceil(options.window_size / self.shift) + 1 + options.extra_frames
        self.rest = np.empty(0, np.float32)  # samples from frame `first` on
        self.first = self.done = 0
        self.unused = 0  # samples to come before frame `first`, where the shift is longer than a frame

    def push(self, samples: np.ndarray, is_last: bool) -> Tensor | None:
        """The frames that `samples` [S] complete; None where there are none.

        Where frames reach beyond the recording's ends, raises InputError as `compute` does for one that is too short.
        """
        skipped = min(self.unused, len(samples))
        self.unused -= skipped
        wave = np.concatenate([self.rest, samples[skipped:]])
        if len(wave) < self.least + 2 * self.margin * self.shift and not (is_last and self.margin):
            self.rest = wave
            return None
        frames = self.compute(torch.from_numpy(wave))
        usable = len(frames) if is_last else len(frames) - self.margin
        fresh = frames[self.done - self.first : usable]
        self.done = self.first + usable
        kept_from = max(self.first, self.done - self.margin)
        start = (kept_from - self.first) * self.shift
        self.rest, self.first, self.unused = wave[start:], kept_from, max(0, start - len(wave))
        return fresh
