"""Labelled embeddings and another domain, that the tests of transforms and of what is made from them share."""

from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.trials.trial_list import Trials


@pytest.fixture
def speakers() -> np.ndarray:
    """The 30 speakers of `data`, twelve recordings each."""
    return np.repeat(np.arange(30), 12)


@pytest.fixture
def data(speakers: np.ndarray) -> np.ndarray:
    """360 embeddings of 30 speakers, 8 dimensions, correlated and off centre."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((8, 8))
    offsets = rng.standard_normal((30, 8))
    return (offsets[speakers] + 0.7 * rng.standard_normal((360, 8))) @ mix + 3


@pytest.fixture
def in_domain() -> np.ndarray:
    """500 unlabelled embeddings elsewhere."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((500, 8)) @ rng.standard_normal((8, 8)) * 2 - 5


@pytest.fixture
def within(data: np.ndarray, speakers: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The pooled within-speaker covariance of such embeddings, by loops."""

    def covariance(matrix: np.ndarray) -> np.ndarray:
        total = np.zeros((matrix.shape[1], matrix.shape[1]))
        for speaker in np.unique(speakers):
            rows = matrix[speaker == speakers]
            for row in rows:
                total += np.outer(row - rows.mean(0), row - rows.mean(0))
        return total / (len(matrix) - len(np.unique(speakers)))

    return covariance


@pytest.fixture(scope="session")
def train_speakers() -> np.ndarray:
    """The 40 speakers of `train`, six recordings each."""
    return np.repeat(np.arange(40), 6)


@pytest.fixture(scope="session")
def train(train_speakers: np.ndarray) -> Embeddings:
    """240 embeddings of 40 speakers, 10 dimensions, ids u000 to u239."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((40, 10))[train_speakers] + 0.8 * rng.standard_normal((240, 10)) + 1
    return Embeddings([f"u{i:03d}" for i in range(240)], matrix.astype(np.float32), "train.scp")


@pytest.fixture(scope="session")
def trials() -> Trials:
    """200 trials between 35 recordings of `train`."""
    rng = np.random.default_rng(1)
    ids = [f"u{i:03d}" for i in range(0, 240, 7)]
    enrol, test = rng.integers(0, len(ids), (2, 200)).astype(np.int32)
    return Trials(ids, ids[5:] + ids[:5], enrol, test, None, "trials")
