"""SpecAugment hides stripes within its bounds, its own for every item."""

import pytest
import torch

from speakerssl.augment.specaugment import SpecAugment, build_spec_augment
from speakerssl.errors import InputError


def runs(hidden: torch.Tensor) -> int:
    """Longest run of True."""
    longest = current = 0
    for value in hidden.tolist():
        current = current + 1 if value else 0
        longest = max(longest, current)
    return longest


def test_stripes_keep_their_bounds() -> None:
    feats = torch.full((64, 100, 40), 3.0)
    masked = SpecAugment(1, 8, 1, 15)(feats, torch.Generator().manual_seed(0))
    hidden = masked == 0
    by_frame, by_bin = hidden.all(dim=2), hidden.all(dim=1)
    assert (hidden == (by_frame[:, :, None] | by_bin[:, None, :])).all()
    widths = [runs(row) for row in by_frame], [runs(row) for row in by_bin]
    assert max(widths[0]) == 15
    assert max(widths[1]) == 8
    assert min(widths[0]) == min(widths[1]) == 0
    assert len(set(by_frame.int().argmax(dim=1).tolist())) > 20
    assert (feats == 3.0).all()


def test_short_inputs_keep_most_of_their_frames() -> None:
    masked = SpecAugment(0, 0, 1, 50, time_share=0.2)(torch.ones(32, 20, 8), torch.Generator().manual_seed(1))
    assert (masked == 0).all(dim=2).sum(dim=1).max() <= 4


def test_fill_with_the_mean_of_the_item() -> None:
    feats = torch.randn(8, 50, 20)
    masked = SpecAugment(1, 10, 0, 0, fill="mean")(feats, torch.Generator().manual_seed(0))
    means = feats.mean(dim=(1, 2), keepdim=True).expand_as(feats)
    assert torch.equal(masked[masked != feats], means[masked != feats])


def test_a_seed_repeats() -> None:
    feats = torch.randn(4, 60, 20)
    first, second = (SpecAugment()(feats, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_configuration() -> None:
    assert build_spec_augment({}) is None
    assert build_spec_augment({"freq_width": 4}) == SpecAugment(freq_width=4)
    with pytest.raises(InputError, match=r"views\.spec_augment: unknown key 'width'; .*: fill, freq_masks"):
        build_spec_augment({"width": 3})
    with pytest.raises(InputError, match=r"unknown views\.spec_augment\.fill 'noise'"):
        build_spec_augment({"fill": "noise"})
    with pytest.raises(InputError, match="time_width: must be at least 0"):
        SpecAugment(time_width=-1)
