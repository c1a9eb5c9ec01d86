"""Transforms that rescale directions: whitening (PCA or ZCA) and within-class covariance normalization."""

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.statistics import (
    RELATIVE_RANK,
    covariance,
    eigen,
    require_full_rank,
    speaker_statistics,
    symmetric_power,
)
from speakerssl.scoring.transforms import EmbeddingTransform, TrainingData, parse_number


class Whiten(EmbeddingTransform):
    """Whitening: zero mean and unit covariance on the in-domain embeddings if given, else on the training ones.

    `whiten` or `whiten:zca` turns back to the original axes (Mahalanobis whitening, C^-1/2);
    `whiten:pca` leaves the principal axes and `whiten:pca:100` keeps the 100 largest.
    """

    name, usage = "whiten", "whiten[:zca] or whiten:pca[:DIM]"
    summary = "zero mean, unit covariance (of --adapt where given); zca keeps the axes"

    def __init__(self, kind: str = "zca", dim: str | None = None, *more: str) -> None:
        if kind not in ("zca", "pca") or more or (dim is not None and kind != "pca"):
            given = ":".join([part for part in (kind, dim, *more) if part])
            raise InputError(f"transform 'whiten': '{given}' is not understood; write it as {self.usage}")
        super().__init__()
        self.kind = kind
        self.dim = None if dim is None else int(parse_number("whiten", dim, int, self.usage))

    def fit(self, data: TrainingData) -> None:
        embeddings = data.embeddings if data.in_domain is None else data.in_domain
        self.offset, spread = covariance(embeddings)
        values, vectors = eigen(spread)
        size = len(values)
        if self.dim is not None:
            if self.dim > size:
                raise InputError(f"whiten:pca:{self.dim} asks for more than the {size} dimensions there are")
            values, vectors = values[: self.dim], vectors[:, : self.dim]
        rank = int((values > values[0] * RELATIVE_RANK).sum())
        require_full_rank(
            values,
            f"whiten: the total ({len(embeddings)} embeddings)",
            f"use whiten:pca:{rank} or fewer dimensions, or more recordings",
        )
        self.matrix = vectors / np.sqrt(values)
        if self.kind == "zca":
            self.matrix = self.matrix @ vectors.T


class WithinClass(EmbeddingTransform):
    """WCCN (Hatch, Kajarekar and Stolcke, 2006): x -> W^-1/2 x, so that the within-speaker covariance W is unit.

    W is pooled over recordings (speakers weighted by how many they have). No mean is subtracted.
    """

    name, usage = "wccn", "wccn"
    summary = "unit within-speaker covariance"

    def fit(self, data: TrainingData) -> None:
        if data.speakers is None:
            raise InputError("the transform 'wccn' needs speaker labels: give --utt2spk or --clusters")
        within = speaker_statistics(data.embeddings, data.speakers).within_covariance
        self.matrix = symmetric_power(
            within,
            -0.5,
            "wccn: the within-speaker",
            "put lda:DIM or whiten:pca:DIM before it, or give more recordings",
        )
        self.offset = np.zeros(len(within))
