"""EER on held-out trials during training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.metrics.detection import compute_eer
from speakerssl.training.validation import Validator, embed_features
from speakerssl.trials.trial_list import read_trials


@pytest.fixture
def frontend() -> FeatureFrontend:
    return FeatureFrontend({"num_mel_bins": 20}).eval()


def small_encoder() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_encoder("small_tdnn", 20, channels=8, blocks=1, aggregate_dim=8, embed_dim=6).eval()


def test_the_eer_is_that_of_cosines_of_single_recordings(corpus: Path, frontend: FeatureFrontend) -> None:
    folder, encoder = corpus / "test", small_encoder()
    validator = Validator(folder, folder / "trials", frontend)
    found = validator(encoder)
    trials = read_trials(folder / "trials")
    with torch.no_grad():
        alone = np.stack([encoder(item[None])[0].numpy() for item in validator.feats])
    alone /= np.linalg.norm(alone, axis=1, keepdims=True)
    np.testing.assert_allclose(validator.embeddings, alone, atol=1e-5)
    scores = np.array([alone[e] @ alone[t] for e, t in zip(validator.enrol, validator.test)])
    assert found["valid_eer_percent"] == pytest.approx(100 * compute_eer(scores, trials.require_labels()), abs=0.5)


def test_order_and_batches_change_no_embedding() -> None:
    encoder = small_encoder()
    feats = [torch.randn(frames, 20) for frames in (30, 90, 12, 55)]
    found = embed_features(encoder, feats)
    assert found.shape == (4, 6)
    np.testing.assert_allclose(embed_features(encoder, feats[::-1])[::-1], found, atol=1e-5)


def test_a_list_without_labels_is_refused(corpus: Path, frontend: FeatureFrontend, tmp_path: Path) -> None:
    (tmp_path / "blind").write_text("100-0 100-1\n")
    with pytest.raises(InputError, match="blind: has no labels"):
        Validator(corpus / "test", tmp_path / "blind", frontend)
