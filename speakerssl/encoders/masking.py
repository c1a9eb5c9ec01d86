"""Padded batches: what keeps padding from leaking into an embedding. Time is always the last axis.

Zero-padded convolutions see zeros past the end of a recording, so each layer sets the padded frames back to
zero; then a padded recording meets the same zeros as at its true edge.
"""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

Key = TypeVar("Key", str, int)


def length_batches(lengths: Mapping[Key, float], limit: float) -> list[list[Key]]:
    """Ids in batches of like length whose padded length (number x longest) is at most `limit`, the longest first.

    A recording longer than that is a batch of its own. The order depends on lengths and ids alone.
    """
    order = sorted(lengths, key=lambda key: (-lengths[key], key))
    batches: list[list[Key]] = []
    for key in order:
        fits = batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= limit
        if fits:
            batches[-1].append(key)
        else:
            batches.append([key])
    return batches


def length_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """True where a frame is real: [B, num_frames], from lengths [B]."""
    return torch.arange(num_frames, device=lengths.device)[None, :] < lengths[:, None]


def mask_of(lengths: Tensor | None, x: Tensor) -> Tensor | None:
    """The mask [B, T] of x [B, ..., T], None where all frames are real."""
    return None if lengths is None else length_mask(lengths, x.shape[-1])


def expand_mask(mask: Tensor, x: Tensor) -> Tensor:
    """[B, T] -> [B, 1, ..., T] with as many axes as x."""
    return mask.view(mask.shape[0], *(1,) * (x.dim() - 2), mask.shape[1])


def mask_frames(x: Tensor, mask: Tensor | None) -> Tensor:
    """x [B, ..., T] with zeros in the padded frames (whatever was there, NaN too)."""
    return x if mask is None else x.masked_fill(~expand_mask(mask, x), 0.0)


def strided_lengths(lengths: Tensor | None, stride: int) -> Tensor | None:
    """Lengths after a convolution with an odd kernel, "same" padding and this stride: ceil(L / stride)."""
    return None if lengths is None else (lengths + stride - 1) // stride


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over all axes but the first two, real frames only: x [B, C, ..., T] -> [B, C]."""
    if mask is None:
        return x.flatten(2).mean(dim=2)
    values = mask.sum(dim=1, keepdim=True) * x[0, 0, ..., 0].numel()
    return mask_frames(x, mask).flatten(2).sum(dim=2) / values


def reflect_ends(x: Tensor, lengths: Tensor) -> Tensor:
    """x [B, C, T] with frame L + i of each row a copy of its frame L - 2 - i, as reflection at L has it."""
    frames = torch.arange(x.shape[2], device=x.device)[None, :]
    last = lengths[:, None] - 1
    source = torch.where(frames <= last, frames, 2 * last - frames).clamp(min=0)
    return x.gather(2, source[:, None, :].expand_as(x))


def pad_by_reflection(x: Tensor, padding: int, lengths: Tensor | None) -> Tensor:
    """x [B, C, T] with `padding` reflected frames at both ends of each recording: [B, C, T + 2 padding]."""
    if not padding:
        return x
    if lengths is None:
        return nn.functional.pad(x, (padding, padding), mode="reflect")
    after = reflect_ends(nn.functional.pad(x, (0, padding)), lengths)
    return nn.functional.pad(after, (padding, 0), mode="reflect")


def batch_norm(layer: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    """Batch normalization of x [B, C, (F,) T] whose statistics count real frames only; zeros in the padding."""
    if mask is None:
        return layer(x)
    if not layer.training:
        return mask_frames(layer(x), mask)
    by_frame = x.movedim(-1, 1)  # [B, T, C, (F)]
    rows = by_frame[mask]  # [real frames, C, (F)]
    normed = layer(rows.unsqueeze(-1) if rows.dim() == 3 else rows)
    out = torch.zeros_like(by_frame, dtype=normed.dtype)
    out[mask] = normed.squeeze(-1) if rows.dim() == 3 else normed
    return out.movedim(1, -1)


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision to float32: sums over hundreds of frames need it."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
