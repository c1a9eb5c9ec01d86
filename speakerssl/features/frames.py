"""A recording as overlapping windowed frames, exactly as Kaldi cuts them."""

import math
from typing import TypeVar

import torch
from torch import Tensor

from speakerssl.features.options import FrameOptions

Count = TypeVar("Count", int, Tensor)


def num_frames(num_samples: Count, options: FrameOptions) -> Count:
    """Frames in a recording of `num_samples` samples (an int, or a LongTensor of any shape); may be 0.

    With `snip_edges` only whole frames count; without, one frame for each shift, rounded. Frames that are centred on
    the multiples of the shift (torchaudio's) are one more.
    """
    size, shift = options.window_size, options.window_shift
    if options.centred:
        return 1 + num_samples // shift + options.extra_frames
    if not options.snip_edges:
        return (num_samples + shift // 2) // shift
    frames = 1 + (num_samples - size) // shift
    return frames.clamp(min=0) if isinstance(frames, Tensor) else max(frames, 0)


def frame_view(waveforms: Tensor, options: FrameOptions) -> Tensor:
    """Frames `[B, T, window_size]` of `waveforms [B, S]`: a view, so that it costs no memory.

    Without `snip_edges` frames are centred on the middle of their shift, and the recording is continued by its
    reflection at both ends (the edge sample is repeated), as often as a short recording needs; for that the
    waveforms are copied once.
    """
    size, shift = options.window_size, options.window_shift
    frames = num_frames(waveforms.shape[-1], options)
    if not options.snip_edges:
        start = shift // 2 - size // 2
        waveforms = _continued(waveforms, start, start + (frames - 1) * shift + size)
    return waveforms.unfold(-1, size, shift)[..., :frames, :]


def centred_view(waveforms: Tensor, options: FrameOptions, mode: str = "constant") -> Tensor:
    """Frames `[B, T, window_size]` of `waveforms [B, S]` centred on the multiples of the shift.

    `mode` is what lies beyond a recording's ends, in torch's words: "constant" for zeros, or "reflect", which needs a
    recording longer than half a frame.
    """
    size, shift = options.window_size, options.window_shift
    ends = (size // 2, size // 2 + options.extra_frames * shift)
    padded = torch.nn.functional.pad(waveforms[:, None], ends, mode=mode)[:, 0]
    return padded.unfold(-1, size, shift)[:, : num_frames(waveforms.shape[-1], options)]


def make_window(options: FrameOptions, dtype: torch.dtype = torch.float32) -> Tensor:
    """The window `[window_size]`, computed in `dtype`: its rounding shows in bins far below a frame's peak."""
    ramp = torch.arange(options.window_size, dtype=dtype)
    step = 2 * math.pi / (options.window_size - 1)
    hanning = torch.hann_window(options.window_size, periodic=False, dtype=dtype)
    coeff = options.blackman_coeff
    shapes = {
        "povey": lambda: hanning.pow(0.85),
        "hamming": lambda: torch.hamming_window(options.window_size, periodic=False, dtype=dtype),
        "hanning": lambda: hanning,
        "rectangular": lambda: torch.ones_like(ramp),
        "sine": lambda: torch.sin(0.5 * step * ramp),
        "blackman": lambda: coeff - 0.5 * torch.cos(step * ramp) + (0.5 - coeff) * torch.cos(2 * step * ramp),
    }
    return shapes[options.window_type]()


def log_energy(frames: Tensor) -> Tensor:
    """Log of the sum of squares of `frames [..., N]`, floored at the float32 epsilon as in Kaldi: `[...]`."""
    return frames.square().sum(-1).clamp(min=torch.finfo(torch.float32).eps).log()


def preemphasize_(frames: Tensor, coefficient: float) -> Tensor:
    """`x[i] - coefficient * x[i-1]` within each frame `[..., N]`, in place; the first sample is its own predecessor."""
    if coefficient != 0:
        # The product is rounded before it is subtracted, as in Kaldi: a fused sub(alpha=) gives other last bits.
        past = frames * coefficient
        frames[..., 1:] -= past[..., :-1]
        frames[..., 0] -= past[..., 0]
    return frames


def _continued(waveforms: Tensor, start: int, stop: int) -> Tensor:
    samples = waveforms.shape[-1]
    before = _reflect(torch.arange(min(start, 0), 0), samples).to(waveforms.device)
    after = _reflect(torch.arange(samples, max(samples, stop)), samples).to(waveforms.device)
    body = waveforms[..., max(start, 0) : stop]
    return torch.cat([waveforms[..., before], body, waveforms[..., after]], dim=-1)


def _reflect(index: Tensor, samples: int) -> Tensor:
    """Where the samples `index` of a recording continued by its reflections come from."""
    phase = index.remainder(2 * samples)
    return torch.minimum(phase, 2 * samples - 1 - phase)
