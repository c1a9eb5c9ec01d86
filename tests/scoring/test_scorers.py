"""What adding a scorer takes: a class and one line of the registry. Everything else then knows it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import Embeddings, read_embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import load_backend, save_backend
from speakerssl.scoring.backend_options import BackendOptions
from speakerssl.scoring.backend_training import train_backend
from speakerssl.scoring.bilinear import Bilinear
from speakerssl.scoring.normalized_scores import normalize
from speakerssl.scoring.scorer import Scorer
from speakerssl.scoring.scorers import SCORERS, find_scorer
from speakerssl.scoring.statistics import speaker_statistics
from speakerssl.scoring.trial_scores import score
from speakerssl.trials.score_file import read_scores
from speakerssl.trials.trial_list import Trials


class Mahalanobis(Scorer):
    """Minus half the squared distance in the within-speaker covariance: this would be the first of two files."""

    name, meaning = "mahalanobis", "minus half the squared Mahalanobis distance"

    def __init__(self, root: np.ndarray) -> None:
        self.root = root

    @classmethod
    def train(cls, vectors: np.ndarray, speakers: np.ndarray | None, options: BackendOptions) -> "Mahalanobis":
        if speakers is None:
            raise InputError("mahalanobis needs speaker labels: give --utt2spk or --clusters")
        return cls(np.linalg.cholesky(np.linalg.inv(speaker_statistics(vectors, speakers).within_covariance)))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "Mahalanobis":
        return cls(tensors["mahalanobis.root"])

    def tensors(self) -> dict[str, np.ndarray]:
        return {"mahalanobis.root": self.root}

    def __str__(self) -> str:
        return f"Mahalanobis distance of {len(self.root)} dimensions"

    def check_dim(self, dim: int) -> None:
        if dim != len(self.root):
            raise InputError(f"embeddings of {dim} dimensions, but the distance is of {len(self.root)}")

    def project(self, vectors: np.ndarray, counts: np.ndarray | int = 1) -> np.ndarray:
        return vectors @ self.root

    def compare(self, enrolment: np.ndarray, test: np.ndarray, count: int = 1) -> Bilinear:
        norms = [-0.5 * np.square(side).sum(axis=1) for side in (enrolment, test)]
        return Bilinear(enrolment, norms[0], test, norms[1])


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """This would be the line in the second file."""
    monkeypatch.setitem(SCORERS, "mahalanobis", Mahalanobis)


def by_hand(trials: Trials, embeddings: Embeddings, root: np.ndarray) -> np.ndarray:
    rows = embeddings.index(trials.enrol_ids)[trials.enrol_index], embeddings.index(trials.test_ids)[trials.test_index]
    vectors = embeddings.matrix.astype(np.float64)
    apart = vectors[rows[0]] - vectors[rows[1]]
    return np.array([-0.5 * difference @ root @ root.T @ difference for difference in apart])


@pytest.mark.usefixtures("added")
def test_a_new_scorer_trains_saves_scores_and_normalizes(
    tmp_path: Path, train: Embeddings, train_speakers: np.ndarray, trials: Trials
) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("", "mahalanobis"))
    save_backend(tmp_path / "b.npz", backend)
    again = load_backend(tmp_path / "b.npz")
    assert isinstance(again.scorer, Mahalanobis)
    np.testing.assert_allclose(score(trials, train, again), by_hand(trials, train, again.scorer.root), atol=1e-5)
    normalized = normalize(trials, train, train, again, cohort_speakers=train_speakers, method="s")
    assert np.isfinite(normalized).all()
    with pytest.raises(InputError, match="has no PLDA to adapt"):
        again.scorer.adapt(train.matrix, BackendOptions().adaptation)


@pytest.mark.usefixtures("added")
def test_the_command_line_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Embeddings, train_speakers: np.ndarray, trials: Trials
) -> None:
    monkeypatch.chdir(tmp_path)
    write_embeddings("emb", train.ids, train.matrix)
    Path("utt2spk").write_text("".join(f"{name} s{speaker}\n" for name, speaker in zip(train.ids, train_speakers)))
    Path("trials").write_text("".join(f"{' '.join(trials.pair(row))}\n" for row in range(len(trials))))
    common = ["--embeddings", "emb/xvector.scp"]
    options = ["--utt2spk", "utt2spk", "--scorer", "mahalanobis", "--output", "b.npz"]
    assert main(["backend", "train", *common, *options]) == 0
    assert main(["score", *common, "--trials", "trials", "--backend", "b.npz", "--output", "s"]) == 0
    scorer = load_backend("b.npz").scorer
    assert isinstance(scorer, Mahalanobis)
    expected = by_hand(trials, read_embeddings("emb/xvector.scp"), scorer.root)
    np.testing.assert_allclose(read_scores("s").values, expected, atol=1e-5)
    assert main(["backend", "train", *common, *options, "--plda"]) == 2


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(InputError, match="unknown scorer 'x'; the known ones are: cosine, plda"):
        find_scorer("x")
