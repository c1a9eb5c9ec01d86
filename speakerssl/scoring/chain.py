"""An embedding chain: steps fitted one after the other, applied as one map, described as `mean,lda:150,length`."""

from collections.abc import Iterable, Mapping

import numpy as np

# Imported for their registration.
from speakerssl.scoring import coral, lda, whitening  # noqa: F401
from speakerssl.scoring.transforms import STEPS, EmbeddingTransform, TrainingData, build_step


class Chain:
    """Steps in order. `Chain("mean,lda:150,length")`, `fit`, `apply`; an empty chain changes nothing.

    Raises InputError for an unknown step, listing those that exist, and for an argument that makes no sense.
    """

    def __init__(self, description: str | Iterable[str] = "") -> None:
        words = description.split(",") if isinstance(description, str) else description
        self.descriptions = [word.strip() for word in words if word.strip()]
        self.steps: list[EmbeddingTransform] = [build_step(word) for word in self.descriptions]

    def __str__(self) -> str:
        return ",".join(self.descriptions)

    def fit(
        self,
        embeddings: np.ndarray,
        speakers: np.ndarray | None = None,
        in_domain: np.ndarray | None = None,
    ) -> TrainingData:
        """Fits each step on what the steps before it made of the data.

        Args: `embeddings` [N, D], their `speakers` [N] (needed by lda and wccn) and unlabelled
        `in_domain` embeddings [M, D] (needed by coral and coral+, used by mean and whiten).
        Returns the training data as they leave the chain: what a PLDA is trained on.
        Raises InputError where a step lacks data or a covariance is singular.
        """
        data = TrainingData(embeddings, speakers, in_domain)
        for step in self.steps:
            step.fit(data)
            data = step.apply_training(data)
        return data

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        """Maps `embeddings` [N, D] to [N, D'] (float64 unless the chain is empty)."""
        for step in self.steps:
            embeddings = step.apply(embeddings)
        return embeddings

    def tensors(self) -> dict[str, np.ndarray]:
        """All that `from_tensors` needs, as named arrays: `chain` (the words) and `step<i>.<name>`."""
        named = {"chain": np.array(self.descriptions, dtype=np.str_)}
        for number, step in enumerate(self.steps):
            named |= {f"step{number}.{key}": value for key, value in step.tensors().items()}
        return named

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "Chain":
        """The fitted chain that gave `tensors`."""
        chain = cls([str(word) for word in tensors["chain"]])
        for number, step in enumerate(chain.steps):
            start = f"step{number}."
            step.load({key[len(start) :]: tensors[key] for key in tensors if key.startswith(start)})
        return chain


def describe_steps() -> str:
    """One line a known step, for help texts."""
    return "\n".join(f"  {step.usage:32s} {step.summary}" for step in STEPS.values())
