"""EER and minimum cost straight from sorted scores: those of the curve to the last bit."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.detection import eer, min_dcf
from speakerssl.metrics.roc import build_roc
from speakerssl.metrics.sorted_scores import sorted_classes, sorted_eer, sorted_min_dcf, split


def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 200))
    labels = (rng.random(size) < 0.3).astype(np.int8)
    labels[:2] = 0, 1
    return np.round(rng.standard_normal(size) + rng.uniform(-2, 4) * labels, int(rng.integers(0, 3))), labels


def test_classes_are_split_in_order_with_an_infinity_behind() -> None:
    target, nontarget = split(np.array([3.0, 1.0, 2.0, 0.0]), np.array([1, 0, 1, 0]))
    assert target.tolist() == [3.0, 2.0, np.inf]
    assert nontarget.tolist() == [1.0, 0.0, np.inf]
    assert sorted_classes(np.array([3.0, 1.0, 2.0]), np.array([1, 0, 1]))[0].tolist() == [2.0, 3.0, np.inf]


@pytest.mark.parametrize("seed", range(40))
def test_the_numbers_are_those_of_the_curve(seed: int) -> None:
    scores, labels = made(seed)
    roc = build_roc(scores, labels)
    target, nontarget = (values[:-1] for values in sorted_classes(scores, labels))
    assert sorted_eer(target, nontarget) == eer(roc).value
    for p in (0.01, 0.5):
        normalizer = min(p, 1 - p)
        found = sorted_min_dcf(target, nontarget, p / normalizer, (1 - p) / normalizer)
        assert found == pytest.approx(min_dcf(roc, p).value, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.0, np.nan], [1, 0], "x: score 2 is nan"),
        ([0.0, np.inf], [1, 0], "x: score 2 is inf"),
        ([0.0, 1.0], [1, 1], "x: there are no non-target trials"),
        ([0.0, 1.0], [1], "x: 2 scores and 1 labels"),
        ([], [], "x: there are no target trials"),
    ],
)
def test_bad_scores_are_named(scores: list[float], labels: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sorted_classes(np.array(scores), np.array(labels), "x")
