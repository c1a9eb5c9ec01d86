"""What every scorer has from the class above it, through a scorer that multiplies and adds."""

from collections.abc import Mapping

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.backend_options import AdaptationOptions
from speakerssl.scoring.cosine import CosineScorer
from speakerssl.scoring.scorer import Scorer
from speakerssl.scoring.trial_vectors import TrialVectors


@pytest.fixture
def vectors() -> TrialVectors:
    rng = np.random.default_rng(0)
    enrol, test = (rng.standard_normal((size, 4)).astype(np.float32) for size in (3, 5))
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (enrol, test)]
    rows = np.array([0, 0, 1, 2, 2, 1], np.int32), np.array([0, 4, 1, 2, 3, 0], np.int32)
    return TrialVectors(unit[0], ["a", "b", "c"], np.array([1, 2, 1]), rows[0], unit[1], list("vwxyz"), rows[1])


def test_pairs_are_compared_by_the_number_of_recordings(vectors: TrialVectors) -> None:
    scorer = CosineScorer()
    expected = [float(vectors.enrol[e] @ vectors.test[t]) for e, t in zip(vectors.enrol_rows, vectors.test_rows)]
    np.testing.assert_allclose(scorer.compare_pairs(vectors), expected, atol=1e-6)
    np.testing.assert_allclose(Scorer.score_pairs(scorer, vectors), expected, atol=1e-6)


def test_mean_scores_of_the_recordings_of_a_model(vectors: TrialVectors) -> None:
    models = TrialVectors(
        vectors.enrol, vectors.enrol_ids, np.ones(3, int), np.array([0, 1]), vectors.test, vectors.test_ids,
        np.array([2, 2]),
    )  # fmt: skip
    found = CosineScorer().average_score_pairs(models, np.array([2, 1]))
    scores = vectors.enrol @ vectors.test[2]
    np.testing.assert_allclose(found, [scores[:2].mean(), scores[2]], atol=1e-6)


def test_what_a_scorer_cannot_do_is_said() -> None:
    with pytest.raises(InputError, match="this back-end has no PLDA to adapt; train one with --plda"):
        CosineScorer().adapt(np.zeros((2, 3)), AdaptationOptions())
    with pytest.raises(InputError, match="--plda-normalization is of a PLDA; this back-end scores by"):
        CosineScorer().with_normalization("simple")


def test_a_scorer_without_its_parts_cannot_be_made() -> None:
    class Half(Scorer):
        @classmethod
        def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> Scorer:
            raise KeyError

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]
