"""What an embedding transform is, and the two simplest ones: subtracting a mean, and scaling to one length.

A transform is fitted once on training embeddings and then maps any embeddings [N, D] to [N, D'].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from speakerssl.errors import InputError


@dataclass(frozen=True)
class TrainingData:
    """What a transform learns from: `embeddings` [N, D], their `speakers` [N], unlabelled `in_domain` ones [M, D]."""

    embeddings: np.ndarray
    speakers: np.ndarray | None = None
    in_domain: np.ndarray | None = None


class EmbeddingTransform:
    """Base of all transforms: x -> (x - offset) @ matrix, where each of the two may be missing.

    A subclass sets `name`, `usage` and `summary` (one line of help) and usually writes only `fit`; one line in
    `chain.TRANSFORMS` makes it known. `arguments` are the words after its name (`lda:150` gives ["150"]).
    """

    name: ClassVar[str] = ""
    usage: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    # Which of its two arrays `fit` learns.
    learns: ClassVar[tuple[str, ...]] = ("offset", "matrix")

    def __init__(self, *arguments: str) -> None:
        if arguments:
            raise InputError(f"the transform '{self.name}' takes no argument, but was given '{arguments[0]}'")
        self.offset: np.ndarray | None = None
        self.matrix: np.ndarray | None = None

    def fit(self, data: TrainingData) -> None:
        """Learns `offset` [D] and `matrix` [D, D'] from `data`."""
        raise NotImplementedError

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        """Maps `embeddings` [N, D] to [N, D'], in float64. Raises InputError for another D than it was fitted on."""
        result = np.asarray(embeddings, dtype=np.float64)
        if self.offset is not None:
            self.check_size(result, len(self.offset))
            result = result - self.offset
        return result if self.matrix is None else result @ self.matrix

    def apply_training(self, data: TrainingData) -> TrainingData:
        """The data that the next transform is fitted on: all of it mapped alike, unless a subclass moves a domain."""
        moved = None if data.in_domain is None else self.apply(data.in_domain)
        return replace(data, embeddings=self.apply(data.embeddings), in_domain=moved)

    def check_size(self, embeddings: np.ndarray, expected: int) -> None:
        """Raises InputError unless `embeddings` have `expected` dimensions."""
        if embeddings.shape[1] != expected:
            raise InputError(
                f"embeddings of {embeddings.shape[1]} dimensions, but the transform '{self.name}' "
                f"was trained on {expected}"
            )

    def tensors(self) -> dict[str, np.ndarray]:
        """What `load` needs, as named arrays."""
        named = {"offset": self.offset, "matrix": self.matrix}
        return {key: value for key, value in named.items() if value is not None}

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Restores what `tensors` gave. Raises KeyError or ValueError where an array is missing or does not fit."""
        offset, matrix = (tensors[key] if key in self.learns else None for key in ("offset", "matrix"))
        for array, dimensions in ((offset, 1), (matrix, 2)):
            if array is not None and (array.ndim != dimensions or array.dtype.kind != "f"):
                raise ValueError(f"{self.name}: an array of shape {array.shape} and type {array.dtype}")
        if offset is not None and matrix is not None and len(offset) != len(matrix):
            raise ValueError(f"{self.name}: an offset of {len(offset)} numbers for a matrix of {len(matrix)} rows")
        self.offset, self.matrix = offset, matrix


def parse_number(transform: str, text: str, kind: Callable[[str], float], usage: str) -> float:
    """`text` as a positive number. Raises InputError that shows `usage`."""
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if not value > 0:
        raise InputError(f"transform '{transform}': '{text}' is not a positive number; write it as {usage}")
    return value


class Mean(EmbeddingTransform):
    """Subtracts the mean of the training embeddings; of the in-domain ones where there are any.

    Centring on the evaluation's own domain is what Kaldi's `ivector-subtract-global-mean` recipes do
    for domain adaptation; the training data are then centred on their own mean.
    A mean made elsewhere (`Mean.of`) is float32, and so are embeddings less it: cosine then compares them as fast as
    it compares those that no transform has touched.
    """

    name, usage, learns = "mean", "mean", ("offset",)
    summary = "subtract the mean (that of --adapt from what is scored, where it is given)"

    @classmethod
    def of(cls, mean: np.ndarray) -> "Mean":
        """The transform that subtracts this `mean` [D]."""
        transform = cls()
        transform.offset = np.asarray(mean, np.float32)
        return transform

    def fit(self, data: TrainingData) -> None:
        self._training_offset = np.asarray(data.embeddings, dtype=np.float64).mean(axis=0)
        in_domain = data.in_domain
        self.offset = self._training_offset if in_domain is None else in_domain.mean(axis=0, dtype=np.float64)

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        assert self.offset is not None
        self.check_size(embeddings, len(self.offset))
        return np.asarray(embeddings, self.offset.dtype) - self.offset

    def apply_training(self, data: TrainingData) -> TrainingData:
        moved = None if data.in_domain is None else self.apply(data.in_domain)
        return replace(data, embeddings=data.embeddings - self._training_offset, in_domain=moved)


class Length(EmbeddingTransform):
    """Scales each embedding to the length sqrt(D) (Garcia-Romero and Espy-Wilson, 2011; Kaldi's scaling).

    Zero vectors stay zero.
    """

    name, usage, learns = "length", "length", ()
    summary = "scale to the length sqrt(D)"

    def fit(self, data: TrainingData) -> None:
        """Nothing to learn."""

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        embeddings = np.asarray(embeddings, dtype=np.float64)
        norms = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))[:, None]
        return embeddings * (np.sqrt(embeddings.shape[1]) / np.where(norms > 0, norms, np.inf))
