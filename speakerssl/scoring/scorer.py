"""What a scorer is: the last part of a back-end, which compares vectors that have passed its chain.

A new scorer is a subclass in a file of its own and one line in `scorers.SCORERS`: training, files, `score`, `norm` and
the command line then know it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.backend_options import AdaptationOptions, BackendOptions
from speakerssl.scoring.bilinear import Bilinear, sum_groups
from speakerssl.scoring.trial_vectors import TrialVectors


class Scorer(ABC):
    """Compares vectors. Subclasses set the class variables and write `train`, `project`, `compare` and their arrays."""

    # Its name in SCORERS, on the command line and in a back-end's file.
    name: ClassVar[str]
    # What a score is, for whoever reads it.
    meaning: ClassVar[str]
    # Whether only the direction of a vector counts: recordings then have unit length before they are averaged.
    unit_length: ClassVar[bool] = False
    # Whether `project` changes vectors: where it does not, they are compared where they lie, without a copy.
    projects: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def train(cls, vectors: np.ndarray, speakers: np.ndarray | None, options: BackendOptions) -> "Scorer":
        """The scorer of training `vectors` [N, D] that left the chain, with their `speakers` [N] where known.

        Raises InputError where it needs what is not there.
        """

    @classmethod
    @abstractmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "Scorer":
        """The scorer that gave `tensors`. Raises KeyError or ValueError for arrays that are none."""

    @abstractmethod
    def tensors(self) -> dict[str, np.ndarray]:
        """All that `from_tensors` needs, as named arrays; at least one, so that a file tells its scorer."""

    @abstractmethod
    def __str__(self) -> str:
        """The scorer in a few words."""

    @abstractmethod
    def check_dim(self, dim: int) -> None:
        """Raises InputError unless vectors of `dim` numbers can be compared."""

    @abstractmethod
    def project(self, vectors: np.ndarray, counts: np.ndarray | int = 1) -> np.ndarray:
        """Maps `vectors` [N, D] that left the chain to those that `compare` takes [N, D'].

        Row n is the average of `counts[n]` recordings.
        """

    @abstractmethod
    def compare(self, enrolment: np.ndarray, test: np.ndarray, count: int = 1) -> Bilinear:
        """Scores between projected enrolments [E, D], each an average of `count` recordings, and tests [N, D]."""

    def compare_pairs(self, vectors: TrialVectors) -> np.ndarray:
        """The score of every trial [T] by `compare`: trial and cohort scores then come from the same arithmetic."""
        scores = np.empty(len(vectors.enrol_rows))
        counts = vectors.counts[vectors.enrol_rows]
        for count in np.unique(vectors.counts):
            trials = np.flatnonzero(counts == count)
            if len(trials):
                model = self.compare(vectors.enrol, vectors.test, int(count))
                scores[trials] = model.pairs(vectors.enrol_rows[trials], vectors.test_rows[trials])
        return scores

    def score_pairs(self, vectors: TrialVectors) -> np.ndarray:
        """The score of every trial [T]. A subclass may have a faster way than `compare_pairs`; NaN: no score."""
        return self.compare_pairs(vectors)

    def average(self, vectors: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Projected enrolment models [M, D'], each of `counts[m]` consecutive rows of `vectors` [R, D]."""
        return self.project(sum_groups(vectors, counts) / counts[:, None], counts)

    def average_score_pairs(self, recordings: TrialVectors, counts: np.ndarray) -> np.ndarray:
        """Mean score [T] of a test recording with all recordings of an enrolment model.

        Model m is made of `counts[m]` consecutive rows of `recordings.enrol`; `recordings.enrol_rows` are models.
        """
        model = self.compare(recordings.enrol, recordings.test).averaged(counts)
        return model.pairs(recordings.enrol_rows, recordings.test_rows)

    def adapt(self, vectors: np.ndarray, options: AdaptationOptions) -> "Scorer":
        """The scorer adapted to unlabelled in-domain `vectors` [N, D]. Raises InputError where it cannot be."""
        raise InputError("this back-end has no PLDA to adapt; train one with --plda")

    def with_normalization(self, normalization: str) -> "Scorer":
        """The same scorer with another length normalization inside. Raises InputError where it has none."""
        raise InputError(f"--plda-normalization is of a PLDA; this back-end scores by {self}")
