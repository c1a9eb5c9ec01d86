"""An embedding chain: transforms fitted one after the other, applied as one map, written as `mean,lda:150,length`."""

from collections.abc import Iterable, Mapping

import numpy as np

from speakerssl.errors import unknown_name
from speakerssl.scoring.coral import Coral, CoralPlus
from speakerssl.scoring.lda import LinearDiscriminant
from speakerssl.scoring.transforms import EmbeddingTransform, Length, Mean, TrainingData
from speakerssl.scoring.whitening import Whiten, WithinClass

# In the order in which help texts list them.
TRANSFORMS: dict[str, type[EmbeddingTransform]] = {
    "mean": Mean,
    "length": Length,
    "coral": Coral,
    "coral+": CoralPlus,
    "lda": LinearDiscriminant,
    "whiten": Whiten,
    "wccn": WithinClass,
}


class Chain:
    """Transforms in order. `Chain("mean,lda:150,length")`, `fit`, `apply`; an empty chain changes nothing.

    Raises InputError for an unknown transform, listing those that exist, and for an argument that makes no sense.
    """

    def __init__(self, description: str | Iterable[str] = "") -> None:
        words = description.split(",") if isinstance(description, str) else description
        self.descriptions = [word.strip() for word in words if word.strip()]
        self.transforms: list[EmbeddingTransform] = [build_transform(word) for word in self.descriptions]

    def __str__(self) -> str:
        return ",".join(self.descriptions)

    def __len__(self) -> int:
        return len(self.transforms)

    def after(self, transform: EmbeddingTransform) -> "Chain":
        """The chain that applies `transform` (which takes no arguments) before all of this one."""
        chain = Chain()
        chain.descriptions = [transform.name, *self.descriptions]
        chain.transforms = [transform, *self.transforms]
        return chain

    def fit(
        self,
        embeddings: np.ndarray,
        speakers: np.ndarray | None = None,
        in_domain: np.ndarray | None = None,
    ) -> TrainingData:
        """Fits each transform on what those before it made of the data.

        Args: `embeddings` [N, D], their `speakers` [N] (needed by lda and wccn) and unlabelled
        `in_domain` embeddings [M, D] (needed by coral and coral+, used by mean and whiten).
        Returns the training data as they leave the chain: what a PLDA is trained on.
        Raises InputError where a transform lacks data or a covariance is singular.
        """
        data = TrainingData(embeddings, speakers, in_domain)
        for transform in self.transforms:
            transform.fit(data)
            data = transform.apply_training(data)
        return data

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        """Maps `embeddings` [N, D] to [N, D'] (float64, except where no transform or a given mean alone changes them).

        Raises InputError for embeddings of another size than the chain was fitted on.
        """
        for transform in self.transforms:
            embeddings = transform.apply(embeddings)
        return embeddings

    def tensors(self) -> dict[str, np.ndarray]:
        """All that `from_tensors` needs, as named arrays: `chain` (the words) and `step<i>.<name>`."""
        named = {"chain": np.array(self.descriptions, dtype=np.str_)}
        for number, transform in enumerate(self.transforms):
            named |= {f"step{number}.{key}": value for key, value in transform.tensors().items()}
        return named

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "Chain":
        """The fitted chain that gave `tensors`."""
        chain = cls([str(word) for word in tensors["chain"]])
        for number, transform in enumerate(chain.transforms):
            start = f"step{number}."
            transform.load({key[len(start) :]: tensors[key] for key in tensors if key.startswith(start)})
        return chain


def build_transform(description: str) -> EmbeddingTransform:
    """The unfitted transform of a description such as `lda:150`. Raises InputError that lists the names that exist."""
    name, *arguments = description.strip().split(":")
    if name not in TRANSFORMS:
        raise unknown_name("transform", name, TRANSFORMS)
    return TRANSFORMS[name](*arguments)


def describe_transforms() -> str:
    """One line a known transform, for help texts."""
    return "\n".join(f"  {transform.usage:32s} {transform.summary}" for transform in TRANSFORMS.values())
