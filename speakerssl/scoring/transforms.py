"""The steps of an embedding chain: what a step is, the registry, and the two simplest ones.

A step is fitted once on training embeddings and then maps any embeddings [N, D] to [N, D'].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import numpy as np

from speakerssl.errors import InputError, unknown_name


@dataclass(frozen=True)
class TrainingData:
    """What a step may learn from: training embeddings [N, D], their speakers [N], unlabelled in-domain ones [M, D]."""

    embeddings: np.ndarray
    speakers: np.ndarray | None = None
    in_domain: np.ndarray | None = None


class EmbeddingTransform:
    """Base of all steps. Subclasses set `name`, `usage` and `summary` (one line of help), and usually only `fit`.

    The map is (x - offset) @ matrix.
    `arguments` are the words after the name in the description (`lda:150` gives ["150"]).
    """

    name: ClassVar[str] = ""
    usage: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    def __init__(self, *arguments: str) -> None:
        if arguments:
            raise InputError(f"the chain step '{self.name}' takes no argument, but was given '{arguments[0]}'")
        self.offset: np.ndarray | None = None
        self.matrix: np.ndarray | None = None

    def fit(self, data: TrainingData) -> None:
        """Learns `offset` [D] and `matrix` [D, D'] from `data`."""
        raise NotImplementedError

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        """Maps `embeddings` [N, D] to [N, D'], in float64."""
        result = np.asarray(embeddings, dtype=np.float64)
        if self.offset is not None:
            self.check_size(result, len(self.offset))
            result = result - self.offset
        return result if self.matrix is None else result @ self.matrix

    def apply_training(self, data: TrainingData) -> TrainingData:
        """The data that the next step is fitted on. The same map for all, except where a step moves a domain."""
        moved = None if data.in_domain is None else self.apply(data.in_domain)
        return replace(data, embeddings=self.apply(data.embeddings), in_domain=moved)

    def check_size(self, embeddings: np.ndarray, expected: int) -> None:
        """Raises InputError unless `embeddings` have `expected` dimensions."""
        if embeddings.shape[1] != expected:
            raise InputError(
                f"embeddings of {embeddings.shape[1]} dimensions, but the chain step '{self.name}' "
                f"was trained on {expected}"
            )

    def tensors(self) -> dict[str, np.ndarray]:
        """What `load` needs, as named arrays."""
        named = {"offset": self.offset, "matrix": self.matrix}
        return {key: value for key, value in named.items() if value is not None}

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Restores what `tensors` gave."""
        self.offset, self.matrix = tensors.get("offset"), tensors.get("matrix")


STEPS: dict[str, type[EmbeddingTransform]] = {}
StepClass = TypeVar("StepClass", bound=type[EmbeddingTransform])


def register_step(step: StepClass) -> StepClass:
    """Class decorator that makes a step known under its `name`."""
    STEPS[step.name] = step
    return step


def build_step(description: str) -> EmbeddingTransform:
    """The unfitted step of a description such as `lda:150`. Raises InputError that lists the names that exist."""
    name, *arguments = description.strip().split(":")
    if name not in STEPS:
        raise unknown_name("chain step", name, STEPS)
    return STEPS[name](*arguments)


def parse_number(step: str, text: str, kind: Callable[[str], float], usage: str) -> float:
    """`text` as a positive number. Raises InputError that shows `usage`."""
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if not value > 0:
        raise InputError(f"chain step '{step}': '{text}' is not a positive number; write it as {usage}")
    return value


@register_step
class Mean(EmbeddingTransform):
    """Subtracts the mean of the training embeddings; of the in-domain ones where there are any.

    Centring on the evaluation's own domain is what Kaldi's `ivector-subtract-global-mean` recipes do
    for domain adaptation; the training data are then centred on their own mean.
    """

    name, usage = "mean", "mean"
    summary = "subtract the mean (that of --adapt from what is scored, where it is given)"

    def fit(self, data: TrainingData) -> None:
        self._training_offset = np.asarray(data.embeddings, dtype=np.float64).mean(axis=0)
        in_domain = data.in_domain
        self.offset = self._training_offset if in_domain is None else in_domain.mean(axis=0, dtype=np.float64)

    def apply_training(self, data: TrainingData) -> TrainingData:
        moved = None if data.in_domain is None else self.apply(data.in_domain)
        return replace(data, embeddings=data.embeddings - self._training_offset, in_domain=moved)


@register_step
class Length(EmbeddingTransform):
    """Scales each embedding to the length sqrt(D) (Garcia-Romero and Espy-Wilson, 2011; Kaldi's scaling).

    Zero vectors stay zero.
    """

    name, usage = "length", "length"
    summary = "scale to the length sqrt(D)"

    def fit(self, data: TrainingData) -> None:
        """Nothing to learn."""

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        embeddings = np.asarray(embeddings, dtype=np.float64)
        norms = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))[:, None]
        return embeddings * (np.sqrt(embeddings.shape[1]) / np.where(norms > 0, norms, np.inf))
