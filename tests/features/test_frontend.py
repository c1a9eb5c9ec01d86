"""The features section: every kind, normalization, deltas and VAD, on batches as on single recordings."""

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.features import FeatureFrontend, add_deltas, sliding_cmvn


def gated(seed: int = 0, samples: int = 24000) -> torch.Tensor:
    """Noise with a silent middle third."""
    wave = 2000 * np.random.default_rng(seed).standard_normal(samples)
    wave[samples // 3 : 2 * samples // 3] *= 1e-3
    return torch.from_numpy(wave.astype(np.float32))


@pytest.mark.parametrize("kind", ["fbank", "mfcc", "plp", "torchaudio_mel"])
def test_every_kind_gives_features_without_a_mean(kind: str) -> None:
    frontend = FeatureFrontend({"kind": kind})
    feats = frontend(torch.stack([gated(), gated(1)]))
    assert feats.shape[2] == frontend.feature_dim
    torch.testing.assert_close(feats.mean(1), torch.zeros(2, frontend.feature_dim), atol=1e-3, rtol=0)
    torch.testing.assert_close(frontend.recording(gated(1)), feats[1], atol=1e-3, rtol=1e-4)


def test_deltas_follow_the_normalized_features_and_count_in_the_dimension() -> None:
    plain, frontend = FeatureFrontend({"num_mel_bins": 24}), FeatureFrontend({"num_mel_bins": 24, "deltas": 2})
    assert frontend.feature_dim == 72
    torch.testing.assert_close(frontend.recording(gated()), add_deltas(plain.recording(gated()), 2))


def test_sliding_normalization_is_kaldis() -> None:
    frontend = FeatureFrontend({"num_mel_bins": 24, "cmn": "sliding", "cmn_window": 50, "cmn_center": False})
    raw = frontend.raw(gated())
    torch.testing.assert_close(frontend.recording(gated()), sliding_cmvn(raw, cmn_window=50, center=False))


def test_vad_leaves_silence_out() -> None:
    frontend, plain = FeatureFrontend({"num_mel_bins": 24, "vad": True}), FeatureFrontend({"num_mel_bins": 24})
    wave = gated()
    whole = plain.recording(wave)
    mask = frontend.voiced(wave[None])[0]
    assert 0.6 < mask.float().mean() < 0.75
    assert not mask[len(mask) // 2]
    torch.testing.assert_close(frontend.recording(wave), whole[mask])


def test_in_a_batch_frames_of_speech_are_repeated_until_the_row_is_full() -> None:
    frontend = FeatureFrontend({"num_mel_bins": 24, "vad": {"frames_context": 0}})
    waves = torch.stack([gated(), gated(1), torch.zeros(24000)])
    feats = frontend(waves)
    for row in range(2):
        speech = frontend.recording(waves[row])
        expected = speech[torch.arange(feats.shape[1]) % len(speech)]
        torch.testing.assert_close(feats[row], expected, atol=1e-4, rtol=1e-4)
    assert torch.isfinite(feats[2]).all()  # nothing is speech: everything stays


@pytest.mark.parametrize("samples", [24000, 24001, 24159, 401])
@pytest.mark.parametrize(
    "config",
    [
        {"kind": "torchaudio_mel"},
        {"kind": "speechbrain_fbank"},
        {"kind": "librosa_mel", "extra_frames": 1, "cmn": "none"},
        {"kind": "fbank"},
        {"kind": "fbank", "snip_edges": False},
    ],
)
def test_vad_goes_by_the_energy_of_the_frames_that_the_features_are_of(config: dict[str, object], samples: int) -> None:
    """A click in every tenth frame's middle: frame k of centred features holds it where |160 k - click| <= 200."""
    vad = {"energy_threshold": 5.0, "energy_mean_scale": 0, "frames_context": 0, "proportion_threshold": 0.6}
    frontend, wave = FeatureFrontend({**config, "vad": vad}), torch.zeros(samples)
    clicks = range(80, samples, 1600)
    wave[list(clicks)] = 1000.0
    mask = frontend.voiced(wave[None])[0]
    assert len(mask) == len(frontend.raw(wave))
    # Where frame k begins: 200 samples before its shift's beginning, at it, or 120 before it.
    first = -200 if frontend.raw.options.centred else 0 if frontend.raw.options.snip_edges else -120
    inside = [any(160 * k + first <= click < 160 * k + first + 400 for click in clicks) for k in range(len(mask))]
    assert mask.tolist() == inside
    assert len(frontend.recording(wave)) == sum(inside)
    assert frontend(wave[None]).shape[1] == len(mask)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "lpc"}, "unknown kind of features 'lpc'; the known ones are: fbank, librosa_mel, mfcc, plp, "),
        ({"cmn": "global"}, r"unknown features\.cmn 'global'; the known ones are: none, sliding, utterance"),
        (
            {"num_mel": 3},
            "features: unknown key 'num_mel'; the nearest is num_mel_bins; the known ones are: .*vad",
        ),
        ({"vad": {"threshold": 3}}, r"features\.vad: unknown key 'threshold'; .*energy_threshold"),
        ({"vad": 3}, r"features\.vad: expected a mapping, found 3"),
        ({"deltas": "two"}, r"features\.deltas: expected a whole number"),
    ],
)
def test_mistakes_are_named(config: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FeatureFrontend(config)
