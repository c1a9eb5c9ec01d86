"""Time derivatives of features, as Kaldi's add-deltas computes them (Furui, 1986)."""

import numpy as np
import torch
from torch import Tensor

from speakerssl.errors import InputError


def add_deltas(feats: Tensor, delta_order: int = 2, delta_window: int = 2) -> Tensor:
    """`feats [B, T, F]` or `[T, F]` followed by their first to `delta_order`-th derivatives: `[..., F (order + 1)]`.

    A derivative is the slope of a line fitted over `delta_window` frames on both sides; higher ones apply the
    filter again (to the filter, not to the edge frames, which are repeated once for all). Raises InputError.
    """
    if delta_order < 0 or delta_window < 1:
        raise InputError(f"delta_order={delta_order} must be 0 or more, delta_window={delta_window} 1 or more")
    if feats.dim() not in (2, 3) or feats.shape[-2] == 0:
        raise InputError(f"features have the shape {tuple(feats.shape)}; expected [B, T, F] or [T, F], T above 0")
    frames = feats.shape[-2]
    derivatives = []
    for taps in delta_filters(delta_order, delta_window):
        reach = len(taps) // 2
        index = torch.arange(-reach, frames + reach, device=feats.device).clamp(0, frames - 1)
        padded = feats[..., index, :]
        derivatives.append(sum(float(tap) * padded[..., at : at + frames, :] for at, tap in enumerate(taps)))
    return torch.cat(derivatives, dim=-1)  # type: ignore[arg-type]


def delta_filters(delta_order: int, delta_window: int) -> list[np.ndarray]:
    """The filter of each order 0..`delta_order`, of 2 `order` `delta_window` + 1 taps."""
    slope = np.arange(-delta_window, delta_window + 1, dtype=np.float64)
    slope /= (slope**2).sum()
    filters = [np.ones(1)]
    for _ in range(delta_order):
        filters.append(np.convolve(filters[-1], slope))
    return filters
