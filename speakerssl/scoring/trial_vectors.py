"""The vectors that a trial list compares: each distinct recording and enrolment model once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrialVectors:
    """Projected vectors of both sides and, for each of T trials, the row of each side.

    `enrol` [E, D] belongs to `enrol_ids`, each an average of `counts` [E] recordings; `test` [N, D] belongs to
    `test_ids`; trial t compares `enrol[enrol_rows[t]]` with `test[test_rows[t]]`. Where every enrolment is one
    recording of the test side's embeddings, `enrol` and `test` are one array.
    """

    enrol: np.ndarray
    enrol_ids: list[str]
    counts: np.ndarray
    enrol_rows: np.ndarray
    test: np.ndarray
    test_ids: list[str]
    test_rows: np.ndarray

    @property
    def shared(self) -> bool:
        """Whether both sides are rows of one array of single recordings."""
        return self.enrol is self.test

    def by_count(self) -> Iterator[tuple[int, np.ndarray]]:
        """Each distinct number of recordings, and the rows of `enrol` that are averages of so many."""
        for count in np.unique(self.counts):
            yield int(count), np.flatnonzero(self.counts == count)
