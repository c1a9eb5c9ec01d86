"""Means to subtract: of the list's own embeddings, of other ones, or from a file."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.centring import centring_mean, read_mean
from speakerssl.scoring.enrolment import EnrolmentModels
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.trials.trial_list import Trials


def test_auto_is_the_mean_of_what_the_list_names_once(train: Embeddings, trials: Trials) -> None:
    used = sorted(set(trials.enrol_ids + trials.test_ids))
    mean = centring_mean("auto", trials, ScoringInputs(train))
    np.testing.assert_allclose(mean, train.matrix[train.index(used)].mean(0), atol=1e-6)
    assert mean.dtype == np.float32
    other = Embeddings(train.ids, train.matrix + 2, "enrol.scp")
    both = np.concatenate([train.matrix[train.index(trials.test_ids)], other.matrix[other.index(trials.enrol_ids)]])
    found = centring_mean("auto", trials, ScoringInputs(train, other))
    np.testing.assert_allclose(found, both.mean(0), atol=1e-6)


def test_auto_takes_the_recordings_of_models(train: Embeddings) -> None:
    models = EnrolmentModels(["m1", "m2"], ["u000", "u001", "u006"], np.array([0, 2, 3]), "spk2utt")
    trials = Trials(["m1"], ["u001", "u020"], np.array([0, 0]), np.array([0, 1]), None, "list")
    mean = centring_mean("auto", trials, ScoringInputs(train, models=models))
    np.testing.assert_allclose(mean, train.matrix[[0, 1, 20]].mean(0), atol=1e-6)


def test_files_of_embeddings_and_of_means(tmp_path: Path, train: Embeddings, trials: Trials) -> None:
    paths = write_embeddings(tmp_path / "e", train.ids, train.matrix)
    expected = train.matrix.mean(0, dtype=np.float64).astype(np.float32)
    for suffix in ("scp", "ark", "npz"):
        np.testing.assert_array_equal(read_mean(paths[suffix]), expected)
    np.save(tmp_path / "matrix.npy", train.matrix)
    (tmp_path / "matrix.ids").write_text("\n".join(train.ids))
    np.testing.assert_array_equal(read_mean(tmp_path / "matrix.npy"), expected)
    np.save(tmp_path / "mean_vec.npy", expected)
    np.testing.assert_array_equal(read_mean(tmp_path / "mean_vec.npy"), expected)
    (tmp_path / "mean.vec").write_text(f" [ {' '.join(map(repr, expected.tolist()))} ]\n")
    np.testing.assert_array_equal(read_mean(tmp_path / "mean.vec"), expected)
    np.save(tmp_path / "mean_vec.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"mean_vec.npy: 3 numbers, the embeddings have 10"):
        centring_mean(str(tmp_path / "mean_vec.npy"), trials, ScoringInputs(train))
    with pytest.raises(InputError, match="nowhere: cannot be read"):
        read_mean("nowhere")
