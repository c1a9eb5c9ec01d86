"""Enrolment models of several recordings."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.enrolment import (
    average_embeddings,
    average_scores,
    read_enrolment,
    read_num_utts,
    without_missing,
    write_num_utts,
)
from speakerssl.trials.trial_list import Trials


@pytest.fixture
def embeddings() -> Embeddings:
    rng = np.random.default_rng(0)
    return Embeddings([f"u{i}" for i in range(6)], rng.standard_normal((6, 5)).astype(np.float32), "x.scp")


def _unit(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.linalg.norm(matrix, axis=-1, keepdims=True)


def test_averages_against_loops(tmp_path: Path, embeddings: Embeddings) -> None:
    path = tmp_path / "spk2utt"
    path.write_text("m1 u0 u1 u2\n\nm2 u3\n")
    models = read_enrolment(path)
    assert models.ids == ["m1", "m2"]
    np.testing.assert_array_equal(models.num_utts, [3, 1])
    units = _unit(embeddings.matrix.astype(np.float64))
    means = average_embeddings(models, embeddings)
    np.testing.assert_allclose(means.matrix, _unit(np.stack([units[:3].mean(0), units[3]])), atol=1e-6)
    trials = Trials(["m2", "m1"], ["u5", "u4"], np.array([1, 0, 1], np.int32), np.array([0, 1, 1], np.int32), None)
    scores = average_scores(trials, models, embeddings)
    slow = [(units[:3] @ units[5]).mean(), units[3] @ units[4], (units[:3] @ units[4]).mean()]
    np.testing.assert_allclose(scores, slow, atol=3e-7)
    write_num_utts(tmp_path / "num_utts", models)
    assert read_num_utts(tmp_path / "num_utts") == {"m1": 3, "m2": 1}


def test_missing_recordings(tmp_path: Path, embeddings: Embeddings) -> None:
    path = tmp_path / "spk2utt"
    path.write_text("m1 u0 x1\nm2 x2\nm3 u1 u2\n")
    models = read_enrolment(path)
    with pytest.raises(InputError, match=r"x.scp: no embedding for 'x1' \(and 1 more\), which .*spk2utt asks for"):
        average_embeddings(models, embeddings)
    kept, missing = without_missing(models, embeddings)
    assert kept.ids == ["m1", "m3"]
    assert kept.recordings == ["u0", "u1", "u2"]
    assert missing == ["x1", "x2"]
    np.testing.assert_array_equal(kept.num_utts, [1, 2])
    path.write_text("m x\n")
    with pytest.raises(InputError, match="has none of the recordings"):
        without_missing(read_enrolment(path), embeddings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m1 a\nm2\n", "spk2utt:2: the model 'm2' has no recordings"),
        ("m1 a\n\nm1 b\n", "spk2utt:3: the model 'm1' stands twice"),
        ("", "spk2utt: is empty"),
    ],
)
def test_bad_models(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "spk2utt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_enrolment(tmp_path / "spk2utt")


def test_bad_averages(tmp_path: Path) -> None:
    (tmp_path / "spk2utt").write_text("m u v\n")
    opposite = Embeddings(["u", "v"], np.array([[1, 0], [-1, 0]], np.float32), "x.scp")
    models = read_enrolment(tmp_path / "spk2utt")
    with pytest.raises(InputError, match="the embeddings of 'm' average to zero"):
        average_embeddings(models, opposite)
    index = np.array([0], np.int32)
    assert average_scores(Trials(["m"], ["u"], index, index, None), models, opposite) == 0
    with pytest.raises(InputError, match="has no model 'k'"):
        average_scores(Trials(["k"], ["u"], index, index, None, "list"), models, opposite)
    (tmp_path / "num_utts").write_text("m 3\nk 0\n")
    with pytest.raises(InputError, match="num_utts:2: expected 'model count'"):
        read_num_utts(tmp_path / "num_utts")
