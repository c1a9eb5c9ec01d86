"""Mean and variance normalization of features: of a whole utterance, or in a sliding window as in Kaldi."""

import torch
from torch import Tensor

from speakerssl.errors import InputError


def utterance_cmn(feats: Tensor, lengths: Tensor | None = None) -> Tensor:
    """`feats [B, T, F]` or `[T, F]` less their mean over time; frames beyond `lengths [B]` become 0."""
    return utterance_cmvn(feats, lengths, norm_vars=False)


def utterance_cmvn(feats: Tensor, lengths: Tensor | None = None, norm_vars: bool = True, added: float = 0.0) -> Tensor:
    """`feats [B, T, F]` or `[T, F]` less their mean over time and divided by their standard deviation.

    Frames beyond `lengths [B]` do not count and become 0. The variance is the biased one, floored at 1e-20, as in
    Kaldi's apply-cmvn, with `added` to it first; sums are taken in float64 as there. Gradients flow. Raises
    InputError for other shapes or lengths outside 1..T.
    """
    valid, count = _valid_frames(feats, lengths)
    if lengths is not None:
        feats = feats.masked_fill(~valid, 0.0)
    mean = feats.sum(-2, keepdim=True, dtype=torch.float64) / count
    centred = feats - mean.to(feats.dtype)
    if lengths is not None:
        centred = centred.masked_fill(~valid, 0.0)
    if not norm_vars:
        return centred
    variance = centred.square().sum(-2, keepdim=True, dtype=torch.float64) / count + added
    return centred * variance.clamp(min=1e-20).rsqrt().to(feats.dtype)


def sliding_cmvn(
    feats: Tensor,
    lengths: Tensor | None = None,
    cmn_window: int = 600,
    min_cmn_window: int = 100,
    center: bool = False,
    norm_vars: bool = False,
) -> Tensor:
    """Normalization of `feats [B, T, F]` or `[T, F]` over a window about each frame: Kaldi's apply-cmvn-sliding.

    With `center` the window is `cmn_window` frames about the frame, moved inside the utterance at its ends;
    without, the `cmn_window` frames before it and itself, but never ending before frame `min_cmn_window`.
    Frames beyond `lengths [B]` do not count and become 0. Raises InputError for windows without frames.
    """
    if cmn_window < 1 or min_cmn_window < 1:
        raise InputError(f"cmn_window={cmn_window}, min_cmn_window={min_cmn_window}: both must be 1 or more")
    valid, count = _valid_frames(feats, lengths)
    kept = feats.double().masked_fill(~valid, 0.0)
    start, stop = _windows(feats.shape[-2], count.long(), cmn_window, min_cmn_window, center)
    size = stop - start
    mean = _window_sums(kept, start, stop) / size
    result = kept - mean
    if norm_vars:
        variance = _window_sums(kept.square(), start, stop) / size - mean.square()
        result = (result * variance.clamp(min=1e-10).rsqrt()).masked_fill(size == 1, 0.0)
    return result.masked_fill(~valid, 0.0).to(feats.dtype)


def _windows(frames: int, count: Tensor, cmn_window: int, min_cmn_window: int, center: bool) -> tuple[Tensor, Tensor]:
    """First and last (exclusive) frame of each frame's window, both `[..., T, 1]`; `count [..., 1, 1]` are lengths."""
    frame = torch.arange(frames, device=count.device)[:, None]
    if center:
        start = (frame - cmn_window // 2).clamp(min=0)
        stop = start + cmn_window
    else:
        start = (frame - cmn_window).clamp(min=0)
        stop = (frame + 1).clamp(min=min_cmn_window)
    beyond = (stop - count).clamp(min=0)
    return (start - beyond).clamp(min=0), (stop - beyond).clamp(min=1)


def _window_sums(values: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    total = torch.nn.functional.pad(values.cumsum(-2), (0, 0, 1, 0))
    ends = [index.expand(*values.shape) for index in (start, stop)]
    return total.gather(-2, ends[1]) - total.gather(-2, ends[0])


def _valid_frames(feats: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Which frames count, bool `[B, T, 1]` or `[T, 1]`, and how many, float64 `[B, 1, 1]` or `[1, 1]`."""
    if feats.dim() not in (2, 3) or feats.shape[-2] == 0:
        raise InputError(f"features have the shape {tuple(feats.shape)}; expected [B, T, F] or [T, F], T above 0")
    frames = feats.shape[-2]
    if lengths is None:
        lengths = torch.full(feats.shape[:-2], frames, device=feats.device)
    lengths = lengths.to(feats.device)
    if lengths.shape != feats.shape[:-2]:
        raise InputError(f"lengths {tuple(lengths.shape)} do not fit features {tuple(feats.shape)}")
    if lengths.numel() and not 1 <= int(lengths.min()) <= int(lengths.max()) <= frames:
        raise InputError(f"lengths {lengths.tolist()} are not all between 1 and the {frames} frames of the batch")
    count = lengths[..., None, None]
    return torch.arange(frames, device=feats.device)[:, None] < count, count.double()
