"""Trial lists whose speakers have effects of their own."""

from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.trials.speakers import TrialSpeakers


@pytest.fixture
def scored_list() -> Callable[..., tuple[np.ndarray, np.ndarray, TrialSpeakers]]:
    """`make_scored_list`: scores, labels and speakers of all trials between made-up recordings."""
    return make_scored_list


def make_scored_list(
    speakers: int, rng: np.random.Generator, noise: float = 1.0, recordings: int = 3
) -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    """All trials between recordings of random speakers whose targets and non-targets have effects of their own."""
    voice = rng.standard_normal(speakers)
    lamb = rng.standard_normal(speakers)
    who = np.repeat(np.arange(speakers, dtype=np.int32), recordings)
    i, j = np.triu_indices(len(who), 1)
    enrol, test = who[i], who[j]
    labels = (enrol == test).astype(np.int8)
    effect = np.where(labels == 1, 3 + 1.5 * voice[enrol], 0.5 * (lamb[enrol] + lamb[test]))
    scores = effect + noise * rng.standard_normal(len(enrol))
    return scores, labels, TrialSpeakers([f"s{k}" for k in range(speakers)], enrol, test)
