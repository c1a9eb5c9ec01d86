"""The transformer under scikit-learn's own checks, and in a Pipeline on real speech."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.model_dir import save_model
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.sklearn import SpeakerEmbedder, recordings_of

# What cannot hold for a network on samples, and why.
NOT_APPLICABLE = {
    "check_fit_idempotent": "its numbers go beyond 100, which no sample in [-1, 1] does: such are refused by name",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    encoder = build_encoder("small_tdnn", 20, channels=8, embed_dim=16).eval()
    config = {
        "features": {"kind": "fbank", "num_mel_bins": 20},
        "encoder": {"name": "small_tdnn", "channels": 8, "embed_dim": 16},
    }
    path = tmp_path_factory.mktemp("model")
    save_model(path, config, encoder)
    return path


def test_scikit_learns_own_checks(folder: Path) -> None:
    estimator = SpeakerEmbedder(str(folder), on_no_speech="keep")
    results = check_estimator(estimator, expected_failed_checks=NOT_APPLICABLE, on_skip=None, on_fail=None)
    failed = {one["check_name"]: repr(one["exception"])[:300] for one in results if one["status"] == "failed"}
    assert not failed
    assert sum(one["status"] == "passed" for one in results) > 30


def test_cross_validation_in_a_pipeline(folder: Path, shared_data: Path) -> None:
    data = DataDir.read(shared_data / "librispeech" / "test")
    ids = sorted(data.recordings)
    chosen = [one for one in ids if one.split("-")[0] in {ids[0].split("-")[0], ids[-1].split("-")[0]}][:16]
    paths = [str(data.recordings[one].source) for one in chosen]
    speakers = [one.split("-")[0] for one in chosen]
    pipeline = make_pipeline(SpeakerEmbedder(folder), LogisticRegression())
    scores = cross_val_score(pipeline, paths, speakers, cv=2)
    assert scores.shape == (2,)
    table = np.array(paths, object)[:, None]
    fitted = clone(pipeline).fit(table, speakers)
    assert (fitted.predict(paths) == pickle.loads(pickle.dumps(fitted)).predict(np.array(paths))).all()
    assert fitted[0].get_feature_names_out()[-1] == "speakerembedder15"
    vectors = fitted[0].transform(paths[:2])
    assert vectors.shape == (2, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("value", "is_recordings"),
    [
        (["a.wav", "b.wav"], True),
        (np.array(["a.wav"]), True),
        (np.array([["a.wav"], ["b.wav"]], object), True),
        ([np.zeros(3), np.zeros(4)], True),
        ([(np.zeros(3), 8000)], True),
        ([np.zeros(3), np.zeros(3)], False),
        ([[0.0, 1.0], [1.0, 0.0]], False),
        (np.zeros((2, 5)), False),
        ([], False),
    ],
)
def test_what_is_taken_for_recordings(value: Any, is_recordings: bool) -> None:
    assert (recordings_of(value) is not None) is is_recordings


def test_errors(folder: Path) -> None:
    with pytest.raises(InputError, match="has no model"):
        SpeakerEmbedder().fit(["a.wav"])
    with pytest.raises(NotFittedError):
        SpeakerEmbedder(folder).transform(["a.wav"])
    with pytest.raises(InputError, match=r"recording 0 of the batch: .*no\.wav"):
        SpeakerEmbedder(folder).fit(["no.wav"]).transform(["no.wav"])
