"""A long recording through an encoder in windows: the embedding of the whole, in the memory of a window.

Frames are computed with the context that their layers see, so that no window's edge shows. What sees the whole
recording (squeeze-and-excitation, instance normalization, the pooling) is summed over the windows first, one such
module after the other: with n of them the windows are gone through n + 1 times, from the start to that module.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.window_stages import Moments, StopForward, staged

ReadFrames = Callable[[int, int], Tensor]  # frames [end - begin, F] of the recording


@torch.no_grad()
def embed_windows(encoder: Encoder, read: ReadFrames, num_frames: int, window: int) -> Tensor:
    """The embedding [D] that `encoder` (in eval mode) gives the recording as a whole.

    Args:
        read: `read(begin, end)` gives frames [end - begin, F], any number of times.
        num_frames: T of the recording.
        window: frames of a window without its context, at least; memory grows with it.

    Raises:
        InputError: fewer frames than the encoder needs.
        TypeError: an encoder that does not say how far its frames look.
    """
    reach = encoder.reach
    if reach is None:
        raise TypeError(f"{type(encoder).__name__} has no `reach`")
    spans = plan_windows(num_frames, window, reach)
    current: list[tuple[int, int, int, int]] = [spans[0]]
    normalize = _instance_norm(encoder, read, spans)

    def run(span: tuple[int, int, int, int]) -> Tensor:
        current[0] = span
        return encoder(normalize(read(span[0], span[3]))[None])

    with staged(encoder, lambda x: _centre(x, current[0], num_frames, reach)) as reached:
        encoder_norm = getattr(encoder, "instance_norm", None)
        if encoder_norm:
            encoder.instance_norm = False  # type: ignore[assignment]  # done by `normalize`, with the recording's statistics
        try:
            while True:
                reached.clear()
                for span in spans:
                    try:
                        return run(span)[0]
                    except StopForward:
                        pass
                reached[0].finish_step()
        finally:
            if encoder_norm:
                encoder.instance_norm = True  # type: ignore[assignment]


def plan_windows(num_frames: int, window: int, reach: Reach) -> list[tuple[int, int, int, int]]:
    """(first frame, first that counts, end of those that count, end) of each window; all count exactly once.

    Windows are of equal length but for rounding to the stride. Where convolutions take frames off the length, the
    frames that count are those that remain: `lost` at the end belong to the window as its context.
    """
    stride = reach.stride
    total = max(1, num_frames - reach.lost)
    count = max(1, round(total / max(window, 1)))
    size = math.ceil(total / count / stride) * stride
    context = math.ceil(reach.context / stride) * stride
    spans = []
    for begin in range(0, total, size):
        end = min(begin + size, total)
        spans.append((max(0, begin - context), begin, end, min(num_frames, end + context + reach.lost)))
    return spans


def _centre(x: Tensor, span: tuple[int, int, int, int], num_frames: int, reach: Reach) -> Tensor:
    """The frames of x [1, ..., T'] that count, at whatever stride the layer is."""
    first, begin, end, last = span
    if reach.lost:
        return x
    stride = max(1, round((last - first) / x.shape[-1]))
    stop = x.shape[-1] if end == num_frames else (end - first) // stride
    return x[..., (begin - first) // stride : stop]


def _instance_norm(encoder: Encoder, read: ReadFrames, spans: list[tuple[int, int, int, int]]) -> Any:
    """Normalizes frames [n, F] as the encoder does a whole recording's; leaves them as they are where it does not."""
    if not getattr(encoder, "instance_norm", False):
        return lambda frames: frames
    moments = Moments()
    for _, begin, end, _ in spans:
        moments.add(read(begin, end).T[None])
    mean, variance = (value[0, :, 0] for value in moments.result())
    return lambda frames: (frames - mean) * torch.rsqrt(variance + 1e-5)
