"""Calibration: better Cllr, the same EER, quality inputs that help, files that come back, speaker-blind folds."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.detection import eer
from speakerssl.metrics.roc import build_roc
from speakerssl.scoring.calibration import (
    cross_validated,
    fit_calibration,
    load_calibration,
    save_calibration,
)
from speakerssl.trials.speakers import TrialSpeakers


def sample(seed: int = 0) -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    """6,000 trials of 40 speakers; the second input is a duration that shifts the score."""
    rng = np.random.default_rng(seed)
    enrol, test = rng.integers(0, 40, (2, 6000)).astype(np.int32)
    test[:1500] = enrol[:1500]
    labels = (enrol == test).astype(np.int8)
    duration = rng.uniform(0.5, 3, 6000)
    score = 0.3 * labels + 0.1 * rng.standard_normal(6000) / duration + 0.2 * duration
    return np.column_stack([score, duration]), labels, TrialSpeakers([f"s{i}" for i in range(40)], enrol, test)


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_calibration_lowers_cllr_and_keeps_order(method: str) -> None:
    inputs, labels, _ = sample()
    score = inputs[:, :1]
    llrs = fit_calibration(score, labels, ["score"], method).apply(score)
    before, after = build_roc(score[:, 0], labels), build_roc(llrs, labels)
    assert cllr(after) < cllr(before)
    assert cllr(after) < min_cllr(before) + 0.05
    assert (np.diff(llrs[np.argsort(score[:, 0])]) >= 0).all()
    if method == "logistic":
        np.testing.assert_allclose(eer(after).value, eer(before).value, atol=1e-12)


def test_quality_measures_help() -> None:
    train, labels, _ = sample(0)
    test, truth, _ = sample(1)
    plain = fit_calibration(train[:, :1], labels, ["score"]).apply(test[:, :1])
    aware = fit_calibration(train, labels, ["score", "duration.min"]).apply(test)
    assert cllr(build_roc(aware, truth)) < 0.9 * cllr(build_roc(plain, truth))


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_cross_validated_equals_fold_by_fold(method: str) -> None:
    inputs, labels, speakers = sample()
    score = inputs[:, :1]
    llrs = cross_validated(score, labels, speakers, method, 0.5, 4, 3)
    fold = np.empty(40, int)
    fold[np.random.default_rng(3).permutation(40)] = np.arange(40) % 4
    for row in (0, 5, 2000, 5999):
        gone = {fold[speakers.enrol[row]], fold[speakers.test[row]]}
        kept = [i for i in range(6000) if fold[speakers.enrol[i]] not in gone and fold[speakers.test[i]] not in gone]
        model = fit_calibration(score[kept], labels[kept], ["score"], method)
        np.testing.assert_allclose(llrs[row], model.apply(score[[row]])[0], rtol=1e-9)


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_files_come_back(tmp_path: Path, method: str) -> None:
    inputs, labels, _ = sample()
    model = fit_calibration(inputs[:, :1], labels, ["score"], method, 0.1)
    save_calibration(tmp_path / "model.json", model)
    again = load_calibration(tmp_path / "model.json")
    assert again.inputs == ["score"]
    assert np.array_equal(again.apply(inputs[:, :1]), model.apply(inputs[:, :1]))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": "other"}', '{"format": "speakerssl-calibration", "method": "logistic"}']
)
def test_other_files(tmp_path: Path, content: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"model.json: is not a calibration or fusion"):
        load_calibration(path)


def test_model_with_nan(tmp_path: Path) -> None:
    inputs, labels, _ = sample()
    save_calibration(tmp_path / "m.json", fit_calibration(inputs, labels, ["score", "d"]))
    text = (tmp_path / "m.json").read_text()
    (tmp_path / "m.json").write_text(text.replace('"bias": -', '"bias": NaN, "old": -'))
    with pytest.raises(InputError, match="NaN or infinite"):
        load_calibration(tmp_path / "m.json")


def test_bad_input() -> None:
    inputs, labels, speakers = sample()
    with pytest.raises(InputError, match="isotonic calibration takes the score alone"):
        fit_calibration(inputs, labels, ["score", "d"], "isotonic")
    with pytest.raises(InputError, match="unknown calibration 'x'; the known ones are: isotonic, logistic"):
        fit_calibration(inputs, labels, ["score", "d"], "x")
    one_target = np.zeros(6000, np.int8)
    one_target[0] = 1
    with pytest.raises(InputError, match=r"folds \d and \d held out: .* training needs both classes"):
        cross_validated(inputs, one_target, speakers)
