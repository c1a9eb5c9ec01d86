"""The operations on classes that are all here, against loops."""

import pytest
import torch

from speakerssl.losses.all_classes import AllClasses

LOGITS = torch.tensor([[1.0, 3.0, 2.0], [0.5, -1.0, 4.0]])
PLACES = torch.tensor([1, 0])


def test_places_among_chosen_classes() -> None:
    classes = AllClasses(9)
    chosen, places = classes.local(torch.tensor([2, 5, 7]), torch.tensor([7, 2, 7]))
    assert chosen.tolist() == [2, 5, 7]
    assert places.tolist() == [2, 0, 2]
    assert classes.local(None, PLACES) == (None, PLACES)


def test_own_and_put() -> None:
    classes = AllClasses(3)
    assert classes.own(LOGITS, PLACES).tolist() == [3.0, 0.5]
    assert classes.put(LOGITS, PLACES, torch.tensor([9.0, 8.0])).tolist() == [[1.0, 9.0, 2.0], [8.0, -1.0, 4.0]]
    assert classes.largest(LOGITS).tolist() == [3.0, 4.0]
    assert classes.sum(LOGITS).tolist() == [6.0, 3.5]
    assert classes.correct(LOGITS, PLACES).tolist() == [True, False]


def test_cross_entropy_with_smoothing() -> None:
    found = AllClasses(3).cross_entropy(LOGITS, PLACES, 3, 0.3)
    for row, place, loss in zip(LOGITS.double(), PLACES, found, strict=True):
        logs = row - row.exp().sum().log()
        assert float(loss) == pytest.approx(float(-0.7 * logs[place] - 0.1 * logs.sum()), abs=1e-6)


def test_rows_of_several_centres_a_class() -> None:
    whole = torch.arange(6)
    assert AllClasses(3).rows(whole).tolist() == whole.tolist()
