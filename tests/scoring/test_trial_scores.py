"""The one path: scores of lists against loops, from objects and from files, with models, back-ends and a mean."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend, save_backend
from speakerssl.scoring.backend_options import BackendOptions
from speakerssl.scoring.backend_training import train_backend
from speakerssl.scoring.enrolment import EnrolmentModels
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.scoring.trial_scores import score
from speakerssl.trials.trial_list import Trials

MODELS = EnrolmentModels(["m1", "m2"], ["u000", "u001", "u006", "u007", "u008"], np.array([0, 2, 5]), "spk2utt")
MODEL_TRIALS = Trials(["m2", "m1"], ["u020", "u030"], np.array([0, 1, 1]), np.array([0, 0, 1]), None, "model_trials")
MEMBERS = {"m1": [0, 1], "m2": [6, 7, 8]}


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def slow(trials: Trials, embeddings: Embeddings, enrol: Embeddings | None = None) -> np.ndarray:
    sides = [dict(zip(side.ids, side.matrix)) for side in (enrol or embeddings, embeddings)]
    return np.array([cosine(sides[0][e], sides[1][t]) for e, t in (trials.pair(row) for row in range(len(trials)))])


def test_cosine_trial_by_trial(train: Embeddings, trials: Trials) -> None:
    np.testing.assert_allclose(score(trials, train), slow(trials, train), atol=3e-7)
    other = Embeddings(train.ids[::-1], train.matrix * 2 + 1, "enrol.scp")
    two = score(trials, train, enrol_embeddings=other)
    np.testing.assert_allclose(two, slow(trials, train, other), atol=3e-7)


def test_paths_or_objects(tmp_path: Path, train: Embeddings, train_speakers: np.ndarray, trials: Trials) -> None:
    write_embeddings(tmp_path / "emb", train.ids, train.matrix)
    lines = [" ".join(trials.pair(row)) for row in range(len(trials))]
    (tmp_path / "list").write_text("\n".join(lines) + "\n")
    backend = train_backend(train, train_speakers, BackendOptions("mean,lda:6", "plda"))
    save_backend(tmp_path / "b.npz", backend)
    from_files = score(tmp_path / "list", tmp_path / "emb/xvector.scp", str(tmp_path / "b.npz"))
    np.testing.assert_array_equal(from_files, score(trials, train, backend))


@pytest.mark.parametrize("chain", ["", "mean,lda:6,length"])
def test_models_with_both_averages(train: Embeddings, train_speakers: np.ndarray, chain: str) -> None:
    backend = train_backend(train, train_speakers, BackendOptions(chain))
    vectors = backend.chain.apply(train.matrix).astype(np.float64)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [(MEMBERS["m2"], 20), (MEMBERS["m1"], 20), (MEMBERS["m1"], 30)]
    found = score(MODEL_TRIALS, train, backend, enrol_models=MODELS)
    np.testing.assert_allclose(found, [cosine(units[m].mean(0), units[t]) for m, t in pairs], atol=3e-7)
    found = score(MODEL_TRIALS, train, backend, enrol_models=MODELS, average="scores")
    np.testing.assert_allclose(found, [(units[m] @ units[t]).mean() for m, t in pairs], atol=3e-7)
    with pytest.raises(InputError, match="unknown way to average 'x'; the known ones are: embeddings, scores"):
        score(MODEL_TRIALS, train, enrol_models=MODELS, average="x")


def test_plda_of_models_is_averages_with_their_counts_or_mean_ratios(
    train: Embeddings, train_speakers: np.ndarray
) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean,lda:6,length", "plda"))
    assert isinstance(backend.scorer, PldaScorer)
    plda, vectors = backend.scorer.plda, backend.chain.apply(train.matrix)
    pairs = [(MEMBERS["m2"], 20), (MEMBERS["m1"], 20), (MEMBERS["m1"], 30)]

    def ratio(enrol: np.ndarray, count: int, test: int) -> float:
        projected = plda.project(enrol, count), plda.project(vectors[test : test + 1])
        return float(plda.bilinear(projected[0], count, projected[1]).block(slice(None)).mean())

    averaged = [ratio(vectors[m].mean(0, keepdims=True), len(m), t) for m, t in pairs]
    np.testing.assert_allclose(score(MODEL_TRIALS, train, backend, enrol_models=MODELS), averaged, atol=2e-9)
    means = [ratio(vectors[m], 1, t) for m, t in pairs]
    found = score(MODEL_TRIALS, train, backend, enrol_models=MODELS, average="scores")
    np.testing.assert_allclose(found, means, atol=2e-9)


def test_a_mean_is_subtracted_first(train: Embeddings, train_speakers: np.ndarray, trials: Trials) -> None:
    used = train.index(list(dict.fromkeys([*trials.enrol_ids, *trials.test_ids])))
    mean = train.matrix[used].mean(0, dtype=np.float64)
    moved = Embeddings(train.ids, (train.matrix - mean).astype(np.float32), "moved")
    np.testing.assert_allclose(score(trials, train, center="auto"), slow(trials, moved), atol=1e-6)
    backend = train_backend(train, train_speakers, BackendOptions("lda:6", "plda"))
    both = score(trials, train, backend, center="auto")
    np.testing.assert_allclose(both, score(trials, moved, backend), atol=1e-5)


def test_a_vector_of_zeros_has_no_cosine(train: Embeddings, train_speakers: np.ndarray, trials: Trials) -> None:
    zero = Embeddings(train.ids, train.matrix * (np.arange(240) != 7)[:, None], "zero.scp")
    message = r"zero.scp: the embedding of 'u007' is all zeros, so it has no cosine"
    for backend in (Backend(), train_backend(train, train_speakers, BackendOptions("length"))):
        with pytest.raises(InputError, match=message):
            score(trials, zero, backend)
    with pytest.raises(InputError, match=message):
        score(trials, train, enrol_embeddings=zero)
    plda = train_backend(train, train_speakers, BackendOptions("mean", "plda"))
    assert np.isfinite(score(trials, zero, plda)).all()


def test_the_name_everyone_guesses_needs_no_torch() -> None:
    code = (
        "import sys; from speakerssl.scoring import score, load_backend, normalize\n"
        "print({'torch', 'sklearn', 'scipy.linalg'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
