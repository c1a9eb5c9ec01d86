"""Linear discriminant analysis as a transform of the embedding chain."""

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.statistics import eigen, speaker_statistics, symmetric_power
from speakerssl.scoring.transforms import EmbeddingTransform, TrainingData, parse_number


class LinearDiscriminant(EmbeddingTransform):
    """LDA (Fisher, 1936; Rao, 1948): the DIM directions with most between-speaker for their within-speaker variance.

    The mean of the training embeddings is subtracted and the projected within-speaker covariance is
    unit, as in Kaldi's `ivector-compute-lda` with total-covariance-factor 0. Without DIM all
    min(D, speakers - 1) directions are kept.
    """

    name, usage = "lda", "lda[:DIM]"
    summary = "the DIM directions that separate speakers best"

    def __init__(self, dim: str | None = None, *more: str) -> None:
        if more:
            raise InputError(f"transform 'lda': '{more[0]}' is not understood; write it as {self.usage}")
        super().__init__()
        self.dim = None if dim is None else int(parse_number("lda", dim, int, self.usage))

    def fit(self, data: TrainingData) -> None:
        if data.speakers is None:
            raise InputError("the transform 'lda' needs speaker labels: give --utt2spk or --clusters")
        stats = speaker_statistics(data.embeddings, data.speakers)
        speakers, size = stats.means.shape
        most = min(size, speakers - 1)
        dim = most if self.dim is None else self.dim
        if dim > most:
            raise InputError(
                f"lda:{dim} asks for more than {most} dimensions, all that {speakers} speakers and "
                f"{size}-dimensional embeddings allow"
            )
        whiten = symmetric_power(
            stats.within_covariance,
            -0.5,
            "lda: the within-speaker",
            "put whiten:pca:DIM before it with a smaller DIM, or give more recordings a speaker",
        )
        _, vectors = eigen(whiten @ stats.between_scatter @ whiten)
        self.offset = stats.global_mean
        self.matrix = np.ascontiguousarray(whiten @ vectors[:, :dim])
