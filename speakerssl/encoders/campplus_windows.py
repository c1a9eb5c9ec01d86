"""CAM++ over a recording of any length: layer after layer, with the activations in temporary files.

Each of its fifty layers weighs its output by the mean of the whole recording, so windows would have to be gone through
fifty times from the start. Here every layer goes over all frames once before the next begins: the work of the whole,
the memory of a window, and, in TMPDIR, about 0.8 GB an hour at the default size.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speakerssl.encoders.campplus_layers import SEGMENT, frames_of, segment_means
from speakerssl.encoders.window_stages import Moments

CONTEXT = 12  # input frames on either side that a frame of the first TDNN layer sees: ten for the head, two more
WINDOW = 40 * SEGMENT  # frames after the first TDNN layer, at half the rate: 50 MB in the widest layer
HEAD_WINDOW = 5 * SEGMENT  # of the same frames, in the head, whose activations are larger


class Activations:
    """Activations [1, C, T] of all frames in a temporary file, written window by window."""

    def __init__(self, channels: int, device: torch.device) -> None:
        self.channels, self.device, self.frames = channels, device, 0
        self._file = tempfile.TemporaryFile(prefix="speakerssl-")  # noqa: SIM115 - closed by `close`

    def append(self, x: Tensor) -> None:
        self._file.seek(0, 2)
        self._file.write(x[0].T.contiguous().cpu().numpy().tobytes())
        self.frames += x.shape[2]

    def read(self, begin: int, end: int) -> Tensor:
        self._file.seek(4 * begin * self.channels)
        content = self._file.read(4 * (end - begin) * self.channels)
        frames = np.frombuffer(content, np.float32).reshape(-1, self.channels).copy()
        return torch.from_numpy(frames).to(self.device).T[None]

    def close(self) -> None:
        self._file.close()


@torch.no_grad()
def embed_by_layers(encoder: Any, read: Callable[[int, int], Tensor], num_frames: int) -> Tensor:
    """The embedding [D] that a `CamPlusPlus` in eval mode gives a recording of `num_frames` as a whole.

    `read(begin, end)` gives its features [end - begin, F], any number of times.
    """
    device = next(encoder.parameters()).device
    files = [Activations(encoder.tdnn.out_channels, device)]
    frames = (num_frames + 1) // 2
    try:
        for begin, end in _windows(frames, HEAD_WINDOW):
            first, last = max(0, 2 * begin - CONTEXT), min(num_frames, 2 * end + CONTEXT)
            files[0].append(encoder.stem(read(first, last)[None])[..., begin - first // 2 : end - first // 2])
        for block, transition in zip(encoder.blocks, encoder.transitions):
            for layer in block:
                files.append(_dense_layer(layer, files, frames, device))
            narrow = Activations(transition.conv.out_channels, device)
            for begin, end in _windows(frames):
                narrow.append(transition(_joined(files, begin, end), None))
            for file in files:
                file.close()
            files = [narrow]
        moments = Moments()
        for begin, end in _windows(frames):
            moments.add(torch.relu(encoder.out_norm(_joined(files, begin, end))))
        mean, variance = (value[:, :, 0] for value in moments.result())
        found: Tensor = encoder.from_moments(mean, variance * (frames / (frames - 1)))[0]
        return found
    finally:
        for file in files:
            file.close()


def _dense_layer(layer: Any, files: Sequence[Activations], frames: int, device: torch.device) -> Activations:
    """The activations that a dense layer adds to those in `files`."""
    conv = layer.conv
    hidden, added = Activations(conv.local.in_channels, device), Activations(conv.local.out_channels, device)
    total = torch.zeros(1, conv.local.in_channels, dtype=torch.float64, device=device)
    means = []
    for begin, end in _windows(frames):
        x = layer.hidden(_joined(files, begin, end), None)
        total += x.sum(2, dtype=torch.float64)
        means.append(segment_means(x, None))  # windows begin where segments do
        hidden.append(x)
    gate = conv.gate((total / frames).float()[:, :, None] + torch.cat(means, dim=2))
    margin = conv.local.dilation[0]
    for begin, end in _windows(frames):
        first = max(0, begin - margin)
        x = conv.local(hidden.read(first, min(frames, end + margin)))[..., begin - first : end - first]
        added.append(x * frames_of(gate[..., begin // SEGMENT :], x.shape[2]))
    hidden.close()
    return added


def _windows(frames: int, size: int | None = None) -> Iterator[tuple[int, int]]:
    size = size or WINDOW
    return ((begin, min(begin + size, frames)) for begin in range(0, frames, size))


def _joined(files: Sequence[Activations], begin: int, end: int) -> Tensor:
    return torch.cat([file.read(begin, end) for file in files], dim=1)
