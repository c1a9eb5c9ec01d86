"""What the mel-domain augmentation mixes in or takes away."""

import numpy as np
import pytest
import torch
from torch import Tensor

from speakerssl.augment.feature_sounds import Draw, add_at_snr, babble, coloured, limit_band, stretches
from speakerssl.augment.synthetic_noise import KINDS


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def log_mel(wave: np.ndarray) -> Tensor:
    from speakerssl.features.filter_bank import fbank

    feats: Tensor = fbank(torch.from_numpy(wave)[None], num_mel_bins=40, dither=0.0)
    return feats


def test_babble_never_holds_the_item_itself_nor_another_twice() -> None:
    powers = torch.zeros(8, 3, 8) + 1e-20
    powers[torch.arange(8), :, torch.arange(8)] = 8.0  # each item sounds in a bin of its own
    for seed in range(20):
        voices = babble(powers, torch.arange(8), Draw(powers, seeded(seed)), (3, 7))
        heard = (voices > 1.0)[:, 0]
        assert not heard.diagonal().any()
        assert (heard.sum(dim=1) >= 3).all()
        assert float(voices.max()) < 8.1


def test_coloured_noise_fluctuates_as_a_real_one(rng: np.random.Generator) -> None:
    real = log_mel(KINDS["white"](rng, 160000) * 1000)[0].std(dim=0)
    drawn = coloured(Draw(torch.zeros(1, 1, 1), seeded()), 4, 500, 40).log().std(dim=1).mean(dim=0)
    assert float(drawn[-10:].mean()) == pytest.approx(float(real[-10:].mean()), rel=0.5)
    assert float(drawn[:5].mean()) > float(drawn[-5:].mean())


def test_added_sounds_have_their_ratio_and_others_stay() -> None:
    powers = 1.0 + torch.rand(4, 50, 20)
    before, items = powers.clone(), torch.tensor([0, 2])
    sounds = 5.0 * torch.rand(2, 50, 20) + 0.1
    add_at_snr(powers, items, sounds, Draw(powers, seeded()), (6.0, 6.0))
    added = powers - before
    ratio = 10 * torch.log10(before[items].mean(dim=(1, 2)) / added[items].mean(dim=(1, 2)))
    torch.testing.assert_close(ratio, torch.full((2,), 6.0), atol=1e-3, rtol=0)
    assert not added[[1, 3]].any()


def test_stretches_are_stretches_and_wrap_where_short() -> None:
    noise = torch.arange(2 * 30, dtype=torch.float32).reshape(2, 30, 1)
    found = stretches(noise, 200, 10, Draw(noise, seeded()))[..., 0]
    assert (found.diff(dim=1) == 1).all()
    assert {int(start) // 30 for start in found[:, 0]} == {0, 1}
    wrapped = stretches(noise, 3, 70, Draw(noise, seeded()))[..., 0]
    torch.testing.assert_close(wrapped[:, 30:60], wrapped[:, :30])


def test_a_cut_band_is_at_one_end_and_leaves_the_rest() -> None:
    powers = torch.full((300, 20, 40), 100.0)
    limited = limit_band(powers, Draw(powers, seeded()), keep=0.5, depth_db=30.0)
    cut = (limited != powers).all(dim=1)
    assert (limited[~cut[:, None].expand_as(limited)] == 100.0).all()
    assert limited[cut[:, None].expand_as(limited)].mean() < 0.1  # at least 30 dB below the mean power of 100
    assert cut.sum(dim=1).max() <= 20
    ends = cut.int().diff(dim=1).abs().sum(dim=1)
    assert (ends <= 1).all()  # one edge: nothing is cut out of the middle
    assert 0.6 < cut[:, -1].float().mean() / cut.any(dim=1).float().mean() < 0.9  # three times of four the treble


def test_draws_of_a_cpu_generator_repeat() -> None:
    feats = torch.zeros(5, 1, 1)
    one, two = (Draw(feats, seeded(3)) for _ in range(2))
    torch.testing.assert_close(one.rand(4, 2), two.rand(4, 2))
    assert one.scalar() == two.scalar()
    assert one.chosen(0.0).tolist() == []
    assert one.chosen(1.0).tolist() == [0, 1, 2, 3, 4]
