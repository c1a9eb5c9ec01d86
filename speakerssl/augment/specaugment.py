"""SpecAugment (Park et al., 2019): random stripes of time and of frequency are masked, batched on the device."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.options import read_options


@dataclass(frozen=True)
class SpecAugment:
    """`masked = aug(feats [B, T, F], generator)`; every item draws its own stripes, the input is left alone.

    Args:
        freq_masks: stripes of frequency an item.
        freq_width: widest stripe in bins; widths are uniform from 0 to it.
        time_masks: stripes of time an item.
        time_width: widest stripe in frames.
        time_share: no stripe of time covers more than this share of the frames.
        fill: `zero` (the mean of mean-normalized features) or `mean` (of each item).
    """

    freq_masks: int = 1
    freq_width: int = 8
    time_masks: int = 1
    time_width: int = 20
    time_share: float = 0.2
    fill: Literal["zero", "mean"] = "zero"

    def __post_init__(self) -> None:
        for name in ("freq_masks", "freq_width", "time_masks", "time_width", "time_share"):
            if getattr(self, name) < 0:
                raise InputError(f"views.spec_augment.{name}: must be at least 0, found {getattr(self, name)}")

    def __call__(self, feats: Tensor, generator: torch.Generator | None = None) -> Tensor:
        batch, frames, bins = feats.shape
        time_width = min(self.time_width, int(self.time_share * frames))
        hidden = _stripes(batch, frames, self.time_masks, time_width, generator, feats.device)[:, :, None]
        hidden = hidden | _stripes(batch, bins, self.freq_masks, self.freq_width, generator, feats.device)[:, None, :]
        if self.fill == "zero":
            return feats.masked_fill(hidden, 0.0)
        return torch.where(hidden, feats.mean(dim=(1, 2), keepdim=True), feats)


def build_spec_augment(config: Mapping[str, Any]) -> SpecAugment | None:
    """From `views.spec_augment`; None for an empty one. Raises InputError for an unknown key or a wrong value."""
    if not config:
        return None
    return read_options(SpecAugment, config, "views.spec_augment")


def _stripes(
    batch: int, size: int, count: int, width: int, generator: torch.Generator | None, device: torch.device
) -> Tensor:
    """bool [batch, size]: union of `count` stripes of 0 to `width`."""
    if count == 0 or width == 0:
        return torch.zeros(batch, size, dtype=torch.bool, device=device)
    draws = torch.rand(2, batch, count, 1, generator=generator, device=generator.device if generator else device)
    draws = draws.to(device)
    widths = (draws[0] * (min(width, size) + 1)).floor()
    starts = (draws[1] * (size - widths + 1)).floor()
    places = torch.arange(size, device=device)
    return ((places >= starts) & (places < starts + widths)).any(dim=1)
