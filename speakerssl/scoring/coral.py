"""Transforms that move training embeddings to the domain of unlabelled ones: CORAL and a regularized CORAL+.

The embeddings that are scored are in the domain already and pass through unchanged: only what later
transforms and a PLDA are fitted on is moved.
"""

from dataclasses import replace

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.statistics import covariance, eigen, symmetric_power
from speakerssl.scoring.transforms import EmbeddingTransform, TrainingData, parse_number

CURE = "put whiten:pca:DIM or lda:DIM before it, give more recordings, or coral:RIDGE such as coral:0.01"


class Coral(EmbeddingTransform):
    """CORAL (Sun, Feng and Saenko, 2016; for speakers Alam et al., 2018): C_out^-1/2 C_in^1/2 on training data.

    Mean and covariance of the training embeddings become those of the in-domain ones. `coral:RIDGE`
    adds RIDGE x (mean eigenvalue) to the diagonal of both covariances first.
    """

    name, usage, learns = "coral", "coral[:RIDGE]", ()
    summary = "move the training data to mean and covariance of --adapt"

    def __init__(self, ridge: str | None = None, *more: str) -> None:
        super().__init__(*more)
        self.ridge = 0.0 if ridge is None else parse_number("coral", ridge, float, self.usage)

    def fit(self, data: TrainingData) -> None:
        if data.in_domain is None:
            raise InputError(f"the transform '{self.name}' needs unlabelled in-domain embeddings: give --adapt")
        self._out_mean, out = covariance(data.embeddings)
        self._in_mean, inside = covariance(data.in_domain)
        self._map = self.map_of(self._loaded(out), self._loaded(inside))

    def map_of(self, out: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """The matrix [D, D] that training rows are multiplied by."""
        return symmetric_power(out, -0.5, "coral: the training", CURE) @ symmetric_power(
            inside, 0.5, "coral: the in-domain", CURE
        )

    def apply_training(self, data: TrainingData) -> TrainingData:
        moved = (data.embeddings - self._out_mean) @ self._map + self._in_mean
        return replace(data, embeddings=moved)

    def _loaded(self, spread: np.ndarray) -> np.ndarray:
        return spread + self.ridge * np.trace(spread) / len(spread) * np.eye(len(spread))


class CoralPlus(Coral):
    """The regularization of CORAL+ (Lee, Wang and Koshinaka, 2019) applied to embeddings: variance only grows.

    With B diagonalizing both covariances at once (B' C_out B = I, B' C_in B = E), training data get
    the covariance C_out + gamma B^-T max(0, E - I) B^-1. `coral+:GAMMA`, 0 < GAMMA <= 1, default 1.
    The paper adapts the two covariances of a PLDA so: that is `backend train --plda-adapt coral+`.
    """

    name, usage = "coral+", "coral+[:GAMMA]"
    summary = "the same, but variance only grows, by GAMMA of the excess (0 to 1)"

    def __init__(self, gamma: str | None = None, *more: str) -> None:
        super().__init__(None, *more)
        self.gamma = 1.0 if gamma is None else parse_number("coral+", gamma, float, self.usage)
        if self.gamma > 1:
            raise InputError(f"transform 'coral+': GAMMA {self.gamma:g} is over 1; write it as {self.usage}")

    def map_of(self, out: np.ndarray, inside: np.ndarray) -> np.ndarray:
        whiten = symmetric_power(out, -0.5, "coral+: the training", CURE)
        ratios, axes = eigen(whiten @ inside @ whiten)
        stretch = np.sqrt(1 + self.gamma * np.maximum(0, ratios - 1))
        return whiten @ (axes * stretch) @ axes.T @ symmetric_power(out, 0.5, "coral+: the training", CURE)
