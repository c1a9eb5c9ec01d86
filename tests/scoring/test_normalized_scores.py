"""Normalized scores of a list, from embeddings, against loops over trials."""

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend_options import BackendOptions
from speakerssl.scoring.backend_training import train_backend
from speakerssl.scoring.normalized_scores import normalize
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.trials.trial_list import Trials


@pytest.mark.parametrize("method", ["z", "t", "s", "as"])
@pytest.mark.parametrize("scorer", ["cosine", "plda"])
def test_as_trial_by_trial(
    train: Embeddings, train_speakers: np.ndarray, trials: Trials, method: str, scorer: str
) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean,lda:6", scorer))
    cohort = Embeddings([f"c{i}" for i in range(60)], train.matrix[::4] + 0.5, "cohort.scp")
    found = normalize(trials, train, cohort, backend, method=method, top=15)
    vectors, impostors = (backend.chain.apply(side.matrix) for side in (train, cohort))

    def compare(one: np.ndarray, other: np.ndarray) -> float:
        if isinstance(backend.scorer, PldaScorer):
            first, second = (backend.scorer.project(side[None]) for side in (one, other))
            return float(backend.scorer.compare(first, second).block(slice(None))[0, 0])
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    def standard(score: float, vector: np.ndarray) -> float:
        against = sorted((compare(vector, impostor) for impostor in impostors), reverse=True)
        against = against[:15] if method == "as" else against
        return float((score - np.mean(against)) / np.std(against))

    for row in range(0, len(trials), 20):
        one, other = (vectors[train.index([name])[0]] for name in trials.pair(row))
        raw = compare(one, other)
        z, t = standard(raw, one), standard(raw, other)
        np.testing.assert_allclose(found[row], {"z": z, "t": t}.get(method, (z + t) / 2), atol=2e-5)


def test_speakers_of_the_cohort_are_one_impostor_each(
    train: Embeddings, train_speakers: np.ndarray, trials: Trials
) -> None:
    unit = train.matrix / np.linalg.norm(train.matrix, axis=1, keepdims=True)
    means = np.stack([unit[train_speakers == speaker].mean(0) for speaker in range(40)])
    by_hand = Embeddings([f"s{speaker}" for speaker in range(40)], means, "means")
    found = normalize(trials, train, train, cohort_speakers=train_speakers, method="s")
    np.testing.assert_allclose(found, normalize(trials, train, by_hand, method="s"), atol=1e-4)


def test_a_cohort_that_is_too_small_is_named(train: Embeddings, trials: Trials) -> None:
    with pytest.raises(InputError, match=r"train.scp: a cohort of 240 is smaller than --top 300"):
        normalize(trials, train, train)
    with pytest.raises(InputError, match="unknown normalization 'q'"):
        normalize(trials, train, train, method="q")
