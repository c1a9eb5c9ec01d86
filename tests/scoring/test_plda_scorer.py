"""PLDA as a scorer: trials of models of several sizes, and what does not fit."""

from dataclasses import replace

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.backend_options import AdaptationOptions, BackendOptions, PldaOptions
from speakerssl.scoring.plda import Plda
from speakerssl.scoring.plda_adaptation import smooth_within
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.scoring.plda_training import train_plda
from speakerssl.scoring.trial_vectors import TrialVectors

DIM = 5


@pytest.fixture(scope="module")
def plda() -> Plda:
    rng = np.random.default_rng(0)
    between, within = (root @ root.T + 0.1 * np.eye(DIM) for root in rng.standard_normal((2, DIM, DIM)))
    return Plda.from_covariances(rng.standard_normal(DIM), between, within)


@pytest.mark.parametrize("normalization", ["length", "simple", "none"])
def test_pairs_with_mixed_counts_equal_one_by_one(plda: Plda, normalization: str) -> None:
    rng = np.random.default_rng(2)
    scorer = PldaScorer(plda).with_normalization(normalization)
    counts = np.array([1, 3, 1, 2, 3, 3, 8])
    recordings, test = rng.standard_normal((counts.sum(), DIM)), rng.standard_normal((9, DIM))
    rows = rng.integers(0, 7, 50), rng.integers(0, 9, 50)
    names = [list("abcdefg"), list("123456789")]
    vectors = TrialVectors(
        scorer.average(recordings, counts), names[0], counts, rows[0], scorer.project(test), names[1], rows[1]
    )
    scores = scorer.score_pairs(vectors)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    for got, e, t in zip(scores, *rows):
        mean = recordings[bounds[e] : bounds[e + 1]].mean(0, keepdims=True)
        enrol = plda.project(mean, int(counts[e]), normalization)
        one = plda.bilinear(enrol, int(counts[e]), plda.project(test[t : t + 1], 1, normalization)).block(slice(None))
        np.testing.assert_allclose(got, one[0, 0], rtol=1e-9, atol=1e-12)


def test_training_is_that_of_the_plda_with_its_options(data: np.ndarray, speakers: np.ndarray) -> None:
    options = PldaOptions("closed-form", normalization="none", smoothing=0.3)
    scorer = PldaScorer.train(data, speakers, BackendOptions(scorer="plda", plda=options))
    expected = smooth_within(train_plda(data, speakers, "closed-form"), 0.3)
    np.testing.assert_array_equal(scorer.plda.psi, expected.psi)
    assert scorer.normalization == "none"
    with pytest.raises(InputError, match="unknown PLDA normalization 'x'"):
        PldaScorer.train(data, speakers, BackendOptions(plda=replace(options, normalization="x")))


def test_what_does_not_fit(plda: Plda) -> None:
    scorer = PldaScorer(plda)
    with pytest.raises(InputError, match="embeddings of 4 dimensions, but the PLDA was trained on 5"):
        scorer.check_dim(4)
    with pytest.raises(InputError, match="unknown PLDA adaptation 'x'; the known ones are: coral\\+, kaldi"):
        scorer.adapt(np.zeros((3, DIM)), AdaptationOptions("x"))
    with pytest.raises(ValueError, match="do not fit together"):
        PldaScorer.from_tensors({**scorer.tensors(), "plda.psi": np.zeros(2)})
