"""Two-covariance PLDA (Ioffe, 2006; Brümmer and de Villiers, 2010) with Kaldi's parameters and options.

x = mean + y + z with the speaker's y ~ N(0, between) and the recording's z ~ N(0, within). `transform`
makes the within-speaker covariance unit and the between-speaker one diagonal (`psi`).
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.scoring.backend_options import PLDA_NORMALIZATIONS
from speakerssl.scoring.bilinear import Bilinear
from speakerssl.scoring.statistics import eigen, require_full_rank, weighted_energy

CURE = "use fewer dimensions (lda:DIM or whiten:pca:DIM in --chain) or more recordings a speaker"


@dataclass(frozen=True)
class Plda:
    """`mean` [D], `transform` [D, D] (rows) and `psi` [D], largest first, in float64."""

    mean: np.ndarray
    transform: np.ndarray
    psi: np.ndarray

    @property
    def dim(self) -> int:
        """Dimensions of the embeddings."""
        return len(self.mean)

    @property
    def within(self) -> np.ndarray:
        """Within-speaker covariance [D, D]."""
        inverse = np.linalg.inv(self.transform)
        return inverse @ inverse.T

    @property
    def between(self) -> np.ndarray:
        """Between-speaker covariance [D, D]."""
        inverse = np.linalg.inv(self.transform)
        return (inverse * self.psi) @ inverse.T

    @classmethod
    def from_covariances(cls, mean: np.ndarray, between: np.ndarray, within: np.ndarray) -> "Plda":
        """The model of a mean and two covariances. Raises InputError if `within` is singular."""
        require_full_rank(eigen(within)[0], "PLDA: the within-speaker", CURE)
        whiten = np.linalg.inv(np.linalg.cholesky((within + within.T) / 2))
        psi, axes = eigen(whiten @ between @ whiten.T)
        return cls(np.asarray(mean, np.float64), axes.T @ whiten, np.maximum(psi, 0.0))

    def project(
        self, embeddings: np.ndarray, counts: np.ndarray | int = 1, normalization: str = "length"
    ) -> np.ndarray:
        """Embeddings [N, D] (means of `counts` recordings each) in the space where PLDA is diagonal, [N, D].

        `normalization`: "length" scales each vector so that its expected squared norm under the model
        is D (Kaldi's --normalize-length=true), "simple" to the length sqrt(D)
        (--simple-length-normalization=true), "none" leaves it.
        """
        check_normalization(normalization)
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dim:
            raise InputError(f"embeddings of {embeddings.shape[-1]} dimensions, but the PLDA is of {self.dim}")
        projected = (np.asarray(embeddings, np.float64) - self.mean) @ self.transform.T
        if normalization == "none":
            return projected
        energy = np.empty(len(projected))
        counts = np.broadcast_to(counts, len(projected))
        for count in np.unique(counts):
            rows = counts == count
            weights = np.ones(self.dim) if normalization == "simple" else 1 / (self.psi + 1 / count)
            energy[rows] = weighted_energy(projected if rows.all() else projected[rows], weights)
        projected *= np.sqrt(self.dim / np.where(energy > 0, energy, np.inf))[:, None]
        return projected

    def bilinear(self, enrolment: np.ndarray, count: int, test: np.ndarray) -> Bilinear:
        """Log-likelihood ratios of projected enrolments [N, D], each of `count` recordings, and tests [M, D]."""
        shrink = count * self.psi / (count * self.psi + 1)
        same = 1 + self.psi / (count * self.psi + 1)
        different = 1 + self.psi
        constant = 0.5 * (np.log(different) - np.log(same)).sum()
        return Bilinear(
            enrolment * (shrink / same),
            constant - 0.5 * weighted_energy(enrolment, shrink**2 / same),
            test,
            0.5 * weighted_energy(test, 1 / different - 1 / same),
        )

    def tensors(self) -> dict[str, np.ndarray]:
        """The three arrays as `plda.mean`, `plda.transform` and `plda.psi`."""
        return {"plda.mean": self.mean, "plda.transform": self.transform, "plda.psi": self.psi}


def check_normalization(name: str) -> None:
    """Raises InputError that lists the length normalizations unless `name` is one."""
    if name not in PLDA_NORMALIZATIONS:
        raise unknown_name("PLDA normalization", name, PLDA_NORMALIZATIONS)
