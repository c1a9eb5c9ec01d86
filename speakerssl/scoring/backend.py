"""A back-end: an embedding chain and the scorer that compares what leaves it; one npz file of arrays."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import atomic_path, read_bytes
from speakerssl.npz import read_npy, read_npz
from speakerssl.scoring.chain import Chain
from speakerssl.scoring.cosine import CosineScorer
from speakerssl.scoring.kaldi_plda import is_kaldi_plda, read_kaldi_plda
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.scoring.scorer import Scorer
from speakerssl.scoring.scorers import SCORERS
from speakerssl.scoring.transforms import Mean

FORMAT = "speakerssl-backend"


@dataclass(frozen=True)
class Backend:
    """`chain`, then `scorer`. `Backend()` is cosine of the embeddings as they are."""

    chain: Chain = field(default_factory=Chain)
    scorer: Scorer = field(default_factory=CosineScorer)

    def __str__(self) -> str:
        return f"{str(self.chain) or 'no chain'}, {self.scorer}"

    @property
    def keeps_embeddings(self) -> bool:
        """Whether embeddings are compared as they are, neither chained nor projected."""
        return not len(self.chain) and not self.scorer.projects

    def centred(self, mean: np.ndarray) -> "Backend":
        """The back-end that subtracts `mean` [D] from every embedding first."""
        return replace(self, chain=self.chain.after(Mean.of(mean)))


def save_backend(path: str | Path, backend: Backend) -> None:
    """Writes `backend` as an npz of arrays: loading it never runs code."""
    named = {"format": np.array(FORMAT), **backend.chain.tensors(), **backend.scorer.tensors()}
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        # A file object: numpy would add .npz to a name without it.
        np.savez(stream, **named)  # type: ignore[arg-type]


def load_backend(path: str | Path, plda_normalization: str | None = None) -> Backend:
    """Reads what `save_backend` wrote, a Kaldi `plda` file, or a `mean_vec.npy` (wespeaker's mean to subtract).

    `plda_normalization` replaces the length normalization of the PLDA where it is given.
    Raises InputError if the file is something else, holds NaN or infinite numbers, or has no PLDA to normalize.
    """
    backend = _read(path)
    if plda_normalization is None:
        return backend
    return replace(backend, scorer=backend.scorer.with_normalization(plda_normalization))


def _read(path: str | Path) -> Backend:
    head = read_bytes(path)[:64]
    if is_kaldi_plda(head):
        return Backend(scorer=PldaScorer(read_kaldi_plda(path)))
    if head.startswith(np.lib.format.MAGIC_PREFIX):
        return Backend().centred(_mean_vector(path, read_npy(path)))
    if not head.startswith(b"PK"):
        raise _no_backend(path)
    tensors = read_npz(path)
    try:
        if str(tensors["format"]) != FORMAT:
            raise ValueError("another format")
        backend = Backend(Chain.from_tensors(tensors), _scorer_of(tensors))
    except (ValueError, KeyError, TypeError):
        raise _no_backend(path) from None
    numbers = [value for value in tensors.values() if value.dtype.kind == "f"]
    if not all(np.isfinite(value).all() for value in numbers):
        raise InputError(f"{path}: the back-end holds NaN or infinite numbers")
    return backend


def _no_backend(path: str | Path) -> InputError:
    return InputError(f"{path}: is no back-end; expected an npz of `backend train`, a Kaldi plda or a mean_vec.npy")


def _scorer_of(tensors: dict[str, np.ndarray]) -> Scorer:
    """The scorer whose name begins the names of arrays; cosine, which has none, where no scorer's does."""
    prefixes = {key.partition(".")[0] for key in tensors if "." in key}
    found = [scorer for name, scorer in SCORERS.items() if name in prefixes]
    return (found[0] if found else CosineScorer).from_tensors(tensors)


def _mean_vector(path: str | Path, vector: np.ndarray) -> np.ndarray:
    if vector.ndim != 1 or vector.dtype.kind not in "fiu" or not np.isfinite(vector).all():
        raise InputError(f"{path}: a mean to subtract is one vector of finite numbers, not {vector.shape}")
    return vector
