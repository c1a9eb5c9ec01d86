"""Log-likelihood ratios of a PLDA as the scorer of a back-end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.scoring.backend_options import ADAPTATIONS, AdaptationOptions, BackendOptions
from speakerssl.scoring.bilinear import Bilinear
from speakerssl.scoring.plda import Plda, check_normalization
from speakerssl.scoring.plda_adaptation import adapt_coral_plus, adapt_unsupervised, smooth_within
from speakerssl.scoring.plda_training import train_plda
from speakerssl.scoring.scorer import Scorer


@dataclass(frozen=True)
class PldaScorer(Scorer):
    """A two-covariance PLDA with the length normalization ("length", "simple" or "none") of what it compares."""

    plda: Plda
    normalization: str = "length"

    name = "plda"
    meaning = "natural-log likelihood ratio of the PLDA"

    @classmethod
    def train(cls, vectors: np.ndarray, speakers: np.ndarray | None, options: BackendOptions) -> "PldaScorer":
        """Trains, and smooths where that is asked for. Raises InputError without `speakers` (see `train_plda`)."""
        if speakers is None:
            raise InputError("PLDA needs speaker labels: give --utt2spk or --clusters")
        check_normalization(options.plda.normalization)
        plda = train_plda(vectors, speakers, options.plda.method, options.plda.iterations)
        if options.plda.smoothing:
            plda = smooth_within(plda, options.plda.smoothing)
        return cls(plda, options.plda.normalization)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "PldaScorer":
        plda = Plda(tensors["plda.mean"], tensors["plda.transform"], tensors["plda.psi"])
        if plda.mean.ndim != 1 or plda.transform.shape != (plda.dim, plda.dim) or plda.psi.shape != (plda.dim,):
            raise ValueError("sizes that do not fit together")
        return cls(plda, str(tensors.get("plda.normalization", "length")))

    def tensors(self) -> dict[str, np.ndarray]:
        return self.plda.tensors() | {"plda.normalization": np.array(self.normalization)}

    def __str__(self) -> str:
        return f"PLDA of {self.plda.dim} dimensions"

    def check_dim(self, dim: int) -> None:
        if dim != self.plda.dim:
            raise InputError(f"embeddings of {dim} dimensions, but the PLDA was trained on {self.plda.dim}")

    def project(self, vectors: np.ndarray, counts: np.ndarray | int = 1) -> np.ndarray:
        return self.plda.project(vectors, counts, self.normalization)

    def compare(self, enrolment: np.ndarray, test: np.ndarray, count: int = 1) -> Bilinear:
        return self.plda.bilinear(enrolment, count, test)

    def adapt(self, vectors: np.ndarray, options: AdaptationOptions) -> "PldaScorer":
        if options.method == "kaldi":
            scales = options.mean_diff_scale, options.within_scale, options.between_scale
            return replace(self, plda=adapt_unsupervised(self.plda, vectors, *scales))
        if options.method == "coral+":
            return replace(self, plda=adapt_coral_plus(self.plda, vectors, options.gamma))
        raise unknown_name("PLDA adaptation", options.method, ADAPTATIONS[1:])

    def with_normalization(self, normalization: str) -> "PldaScorer":
        check_normalization(normalization)
        return replace(self, normalization=normalization)
