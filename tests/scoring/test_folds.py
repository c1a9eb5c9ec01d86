"""Cross-validation by speaker: no model sees a speaker that it is used on, and no trial is left out."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.folds import cross_validate
from speakerssl.trials.speakers import TrialSpeakers


@pytest.fixture
def speakers() -> TrialSpeakers:
    rng = np.random.default_rng(0)
    enrol, test = rng.integers(0, 23, (2, 4000)).astype(np.int32)
    test[:1000] = enrol[:1000]
    return TrialSpeakers([f"s{i}" for i in range(23)], enrol, test)


@pytest.mark.parametrize("folds", [3, 5, 10])
def test_training_and_test_speakers_are_disjoint(speakers: TrialSpeakers, folds: int) -> None:
    judged: list[np.ndarray] = []
    models = []

    def fit(rows: np.ndarray):
        seen = set(speakers.enrol[rows]) | set(speakers.test[rows])
        models.append(len(rows))

        def predict(wanted: np.ndarray) -> np.ndarray:
            assert not seen & (set(speakers.enrol[wanted]) | set(speakers.test[wanted]))
            judged.append(wanted)
            return wanted.astype(float)

        return predict

    values = cross_validate(speakers, fit, folds)
    assert np.array_equal(values, np.arange(4000))
    assert np.array_equal(np.sort(np.concatenate(judged)), np.arange(4000))
    assert len(models) == folds * (folds + 1) // 2
    # Of the speakers, all but those of two folds train: (1 - 2 / K)^2 of non-targets at the least.
    assert min(models) > 0.5 * (1 - 2 / folds) ** 2 * 3000


def test_seed_decides(speakers: TrialSpeakers) -> None:
    def fit(rows: np.ndarray):
        return lambda wanted: np.full(len(wanted), rows.sum())

    one, again, other = (cross_validate(speakers, fit, 5, seed) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_bad_input(speakers: TrialSpeakers) -> None:
    with pytest.raises(InputError, match="three are the least"):
        cross_validate(speakers, lambda rows: lambda wanted: wanted, 2)
    with pytest.raises(InputError, match="23 speakers cannot be dealt into 24 folds; lower --folds"):
        cross_validate(speakers, lambda rows: lambda wanted: wanted, 24)
