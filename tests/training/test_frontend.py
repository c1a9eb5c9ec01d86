"""From views to what the encoder sees."""

import torch
from torch import Tensor

from speakerssl.features.frontend import FeatureFrontend
from speakerssl.training.frontend import TrainingFrontend

OPTIONS = {"num_mel_bins": 24}


def test_waves_and_stored_features_end_alike() -> None:
    features = FeatureFrontend(OPTIONS)
    frontend, waves = TrainingFrontend(features), 1000 * torch.randn(2, 8000)
    torch.testing.assert_close(frontend(waves), frontend(features.raw(waves)))
    torch.testing.assert_close(frontend(waves), frontend.clean(waves))
    torch.testing.assert_close(frontend(waves).mean(dim=1), torch.zeros(2, 24), atol=1e-4, rtol=0)


def test_augmentation_comes_before_and_after_normalization() -> None:
    features, seen = FeatureFrontend(OPTIONS), dict[str, Tensor]()

    def before(feats: Tensor) -> Tensor:
        seen["before"] = feats
        return feats + torch.arange(24.0)

    def after(feats: Tensor) -> Tensor:
        seen["after"] = feats
        return 0 * feats

    frontend, waves = TrainingFrontend(features, before, after), 1000 * torch.randn(2, 8000)
    assert not frontend(waves).any()
    torch.testing.assert_close(seen["before"], features.raw(waves))
    # What was added to every frame is gone: it was added before the mean was taken off.
    torch.testing.assert_close(seen["after"], frontend.clean(waves), atol=1e-3, rtol=0)


def test_frames_of_speech_are_chosen_of_waveforms_alone() -> None:
    vad = {"energy_threshold": 0, "energy_mean_scale": 1.0, "frames_context": 0, "proportion_threshold": 0.6}
    features = FeatureFrontend({**OPTIONS, "vad": vad})
    frontend = TrainingFrontend(features)
    waves = 1000 * torch.randn(1, 16000)
    waves[:, 8000:] *= 1e-3
    stored = features.raw(waves)
    assert frontend(stored).shape == stored.shape  # a store holds frames of speech already
    chosen = frontend(waves)
    torch.testing.assert_close(chosen, features.keep_voiced(features.normalize(stored), waves))
