"""What a loaded model says of two recordings; the calibration's arithmetic is tested in tests/gallery."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.decision import Decision, save_decision
from speakerssl.embeddings.model import load_model
from speakerssl.errors import InputError


@pytest.fixture
def calibrated(model_dir: Path, tmp_path: Path) -> Path:
    """A copy of the model with a calibration under which a cosine of 0.5 is a ratio of 1."""
    for name in ("config.yaml", "model.safetensors"):
        (tmp_path / name).write_bytes((model_dir / name).read_bytes())
    rates = np.array([0.0, 0.2, 1.0])
    save_decision(tmp_path, Decision(10.0, -5.0, np.array([-1.0, 0.5, 1.0]), rates, rates[::-1], "made", (3, 4)))
    return tmp_path


def test_verify_says_score_ratio_and_errors(calibrated: Path, data_dir: Path) -> None:
    model = load_model(calibrated)
    first, second = data_dir / "u10.wav", data_dir / "u11.wav"
    found = model.verify(first, second)
    assert found.score == pytest.approx(model.similarity(first, second))
    assert found.llr == pytest.approx(10 * found.score - 5)
    assert (found.threshold, found.p_miss, found.p_fa, found.calibrated_on) == (0.5, 0.2, 0.2, "made")
    assert found.same == (found.score >= 0.5)
    assert model.verify(first, first, p_target=0.01).same is (
        model.verify(first, first, p_target=0.01).threshold <= 1.0
    )


def test_without_calibration_a_threshold_decides(model_dir: Path, data_dir: Path) -> None:
    model = load_model(model_dir)
    recording = data_dir / "u10.wav"
    with pytest.raises(InputError, match="calibrate-model"):
        model.verify(recording, recording)
    assert model.verify(recording, recording, threshold=0.9).same


def test_fingerprints_tell_models_apart(model_dir: Path, calibrated: Path) -> None:
    assert load_model(model_dir).fingerprint == load_model(calibrated).fingerprint
    config = (calibrated / "config.yaml").read_text()
    (calibrated / "config.yaml").write_text(config + "evaluation: {num_crops: 3}\n")
    assert load_model(model_dir).fingerprint != load_model(calibrated).fingerprint
