"""What a gallery answers with, and what it asks of the place where its speakers are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True)
class Speaker:
    """An enrolled speaker: the name, how many recordings it was enrolled with, and when (UTC, ISO 8601)."""

    name: str
    recordings: int
    enrolled: str


@dataclass(frozen=True)
class Candidate:
    """A speaker who might be the one: `score` is the cosine, `llr` the log-likelihood ratio (None: not calibrated)."""

    name: str
    score: float
    llr: float | None = None


@dataclass(frozen=True)
class Identification:
    """The best candidates, highest score first; `name` is the first one's, or None for "unknown".

    `threshold` is the score below which nobody is named.
    """

    name: str | None
    candidates: list[Candidate]
    threshold: float


@dataclass(frozen=True)
class Changes:
    """What happened to the speakers since a generation: rows that are new or other, and rows that are gone.

    `ids` [N] and `vectors` float32 [N, D] belong together; `removed` [R] are ids; `generation` is the present one.
    """

    generation: int
    ids: np.ndarray
    vectors: np.ndarray
    removed: np.ndarray


class GalleryStore(Protocol):
    """Where speakers are kept. Every call is one transaction: two writers never see half of each other's work."""

    def dimension(self) -> int | None:
        """D of the embeddings in the store; None while it is empty."""

    def enrol(self, name: str, vectors: np.ndarray, sources: Sequence[str], model: str) -> Speaker:
        """Adds unit vectors [N, D] to the speaker `name`, who is made where there is none."""

    def enrol_many(self, names: Sequence[str], vectors: np.ndarray, sources: Sequence[str], model: str) -> None:
        """Adds the unit vector of each row of [N, D] to the speaker of the same place in `names`: all or none."""

    def rename(self, name: str, new: str) -> None:
        """Gives a speaker another name. Raises InputError where `name` is unknown or `new` is taken."""

    def forget(self, name: str) -> int:
        """Removes a speaker and all its embeddings; returns how many there were. Raises InputError if unknown."""

    def speakers(self) -> list[Speaker]:
        """All speakers by name."""

    def names(self, ids: Sequence[int]) -> list[str | None]:
        """The names of ids; None where a speaker was removed in the meantime."""

    def changes(self, generation: int) -> Changes:
        """What was enrolled and forgotten after `generation`; 0 gives everybody."""

    def embeddings(self) -> tuple[list[str], list[str], np.ndarray]:
        """Speaker names [N], sources [N] and unit vectors float32 [N, D] of every enrolled recording."""


@runtime_checkable
class SearchingStore(Protocol):
    """A store that finds the nearest speakers itself, such as a database on another machine."""

    def nearest(self, vector: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids [top] and cosines [top] of the speakers nearest to a unit vector [D], the best first; maybe fewer."""


def unit_mean(vectors: np.ndarray) -> np.ndarray:
    """The mean of unit vectors [N, D], as a unit vector float32 [D]; zeros where they cancel each other."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)
