"""Mixing log-mel powers comes near to mixing waves; channels differ from item to item."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from speakerssl.augment.feature_domain import FeatureNoise, build_feature_noise, mean_log_power, mix_at_snr
from speakerssl.augment.feature_sounds import Draw, smooth_curve
from speakerssl.augment.synthetic_noise import KINDS
from speakerssl.errors import InputError

OFF: dict[str, Any] = {"noise_prob": 0.0, "babble_prob": 0.0, "tilt_prob": 0.0, "band_prob": 0.0}


def log_mel(wave: np.ndarray) -> Tensor:
    from speakerssl.features.filter_bank import fbank

    feats: Tensor = fbank(torch.from_numpy(wave)[None], num_mel_bins=40, dither=0.0)
    return feats


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", ["white", "pink", "modulated"])
@pytest.mark.parametrize("gain", [0.1, 1.0])
def test_mel_powers_add_as_waves_do(kind: str, gain: float, real_speech: np.ndarray, rng: np.random.Generator) -> None:
    noise = KINDS[kind](rng, len(real_speech))
    noise *= np.float32(gain * real_speech.std() / noise.std())
    speech_mel, noise_mel = log_mel(real_speech), log_mel(noise)
    ratio_db = float(mean_log_power(speech_mel) - mean_log_power(noise_mel)) * 10 / np.log(10)
    mixed = mix_at_snr(speech_mel, noise_mel, ratio_db)
    true = log_mel(real_speech + noise)
    # Cross terms: no bias beyond their skew, a spread within the fluctuation of noise itself (about 0.5 nepers).
    assert float((mixed - true).mean()) == pytest.approx(0.0, abs=0.12)
    assert float((mixed - true).std()) < 0.5
    assert float((speech_mel - true).std()) > 1.5 * float((mixed - true).std())


@pytest.mark.parametrize("snr", [0.0, 10.0])
def test_the_ratio_is_the_asked_one(snr: float) -> None:
    speech, noise = 3 * torch.randn(4, 50, 20) + 8, torch.randn(4, 50, 20) - 2
    added = torch.log(mix_at_snr(speech, noise, snr).exp() - speech.exp())
    achieved = (mean_log_power(speech) - mean_log_power(added)) * 10 / np.log(10)
    torch.testing.assert_close(achieved, torch.full((4,), snr), atol=0.1, rtol=0)


def test_the_module_mixes_at_its_ratio() -> None:
    feats, noise = torch.randn(6, 80, 20) + 8, torch.randn(3, 200, 20)
    for options, given in (({"noise_prob": 1.0, "noise_snr": (6.0, 6.0)}, noise),
                           ({"noise_prob": 1.0, "noise_snr": (6.0, 6.0)}, None),
                           ({"babble_prob": 1.0, "babble_snr": (6.0, 6.0)}, None)):  # fmt: skip
        mixed = FeatureNoise(**{**OFF, **options})(feats, seeded(), given)
        added = torch.log((mixed.double().exp() - feats.double().exp()).clamp(min=1e-9))
        achieved = (mean_log_power(feats.double()) - mean_log_power(added)) * 10 / np.log(10)
        torch.testing.assert_close(achieved.float(), torch.full((6,), 6.0), atol=0.1, rtol=0)


def test_tilts_are_smooth_bounded_and_of_both_signs() -> None:
    curves = smooth_curve(Draw(torch.zeros(1, 1, 1), seeded()), 500, 40, 10.0)
    assert curves.abs().max() <= 10.0
    assert curves.diff(dim=1).abs().max() < 4.0
    assert (curves[:, 0] > 0).float().mean() == pytest.approx(0.5, abs=0.1)
    feats = torch.randn(500, 5, 40)
    tilted = FeatureNoise(**{**OFF, "tilt_prob": 1.0})(feats, seeded()) - feats
    torch.testing.assert_close(tilted, tilted[:, :1].expand_as(tilted), atol=1e-4, rtol=0)


def test_a_limited_band_leaves_nothing_of_the_speech_there() -> None:
    feats = 3 * torch.randn(200, 60, 40) + 10
    limited = FeatureNoise(**{**OFF, "band_prob": 1.0})(feats, seeded())
    cut = (limited - feats).abs().mean(dim=1) > 1e-3
    assert 0.05 < cut.float().mean() < 0.3
    assert cut.sum(dim=1).max() <= 16
    assert limited[cut.nonzero()[0, 0], :, cut.nonzero()[0, 1]].max() < 10.0
    kept = ~cut[:, None, :].expand_as(feats)
    torch.testing.assert_close(limited[kept], feats[kept], atol=1e-4, rtol=0)


def test_chances_shapes_types_and_seeds() -> None:
    feats = torch.randn(400, 10, 20) + 5
    changed = (FeatureNoise(**{**OFF, "noise_prob": 0.3})(feats, seeded()) - feats).abs().amax(dim=(1, 2)) > 1e-3
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.08)
    half = FeatureNoise()(feats.half(), seeded(1))
    assert half.dtype == torch.float16
    assert half.shape == feats.shape
    assert torch.equal(half, FeatureNoise()(feats.half(), seeded(1)))
    assert torch.isfinite(half).all()
    assert torch.isfinite(FeatureNoise()(feats[:1], seeded())).all()  # a batch of one cannot babble


def test_configuration() -> None:
    assert build_feature_noise({}) is None
    built = build_feature_noise({"noise_snr": [0, 10]})
    assert built is not None
    assert built.noise_snr == (0.0, 10.0)
    with pytest.raises(InputError, match=r"views\.feature_noise: unknown key 'snr'; the known ones are: babble_prob"):
        build_feature_noise({"snr": [0, 1]})
    with pytest.raises(InputError, match=r"feature_noise\.tilt_prob: 2 is not between"):
        FeatureNoise(tilt_prob=2)
    with pytest.raises(InputError, match=r"feature_noise\.noise_snr: expected \[low, high\]"):
        build_feature_noise({"noise_snr": [5.0, 1.0]})
