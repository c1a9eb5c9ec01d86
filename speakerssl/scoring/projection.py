"""Embeddings through the chain and the projection of a back-end, in blocks on all cores."""

from functools import partial

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.kernels import run_all
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.normalization import single_blas_thread

# Rows chained at once: what they take stays in the cache of a core.
BLOCK = 1024


def project(backend: Backend, embeddings: Embeddings, rows: np.ndarray) -> np.ndarray:
    """Chains and projects the `embeddings` at `rows` [N], each one recording, [N, D'].

    Raises InputError naming the file for a size that does not fit the back-end, and the id of a vector of zeros, which
    has no direction, where only that counts.
    """
    sample = _sample(backend, embeddings)
    size = backend.scorer.project(sample)
    return _in_blocks(backend, embeddings, rows, np.empty((len(rows), size.shape[1]), size.dtype), True)


def apply_chain(backend: Backend, embeddings: Embeddings, rows: np.ndarray | None = None) -> np.ndarray:
    """What the chain of `backend` makes of the `embeddings` at `rows` (default: of all), [N, D'], not yet projected.

    Raises InputError as `project` does.
    """
    sample = _sample(backend, embeddings)
    rows = np.arange(len(embeddings)) if rows is None else rows
    return _in_blocks(backend, embeddings, rows, np.empty((len(rows), sample.shape[1]), sample.dtype), False)


def _in_blocks(
    backend: Backend, embeddings: Embeddings, rows: np.ndarray, out: np.ndarray, projected: bool
) -> np.ndarray:
    zeros: list[int] = []

    def work(block: slice) -> None:
        vectors = backend.chain.apply(embeddings.matrix[rows[block]])
        if backend.scorer.unit_length:
            zeros.extend((block.start + np.flatnonzero(~vectors.any(axis=1))).tolist())
        out[block] = backend.scorer.project(vectors) if projected else vectors

    blocks = [slice(start, min(start + BLOCK, len(rows))) for start in range(0, len(rows), BLOCK)]
    with single_blas_thread():
        run_all([partial(work, block) for block in blocks])
    if zeros:
        raise zero_vector(embeddings, embeddings.ids[rows[min(zeros)]])
    return out


def _sample(backend: Backend, embeddings: Embeddings) -> np.ndarray:
    """The first embedding after the chain, [1, D']. Raises InputError where it does not fit the back-end."""
    try:
        sample = backend.chain.apply(embeddings.matrix[:1])
        backend.scorer.check_dim(sample.shape[1])
    except InputError as error:
        raise InputError(f"{embeddings.path}: {error}") from None
    return sample


def zero_vector(embeddings: Embeddings, name: str) -> InputError:
    """The error of a vector without a direction."""
    return InputError(f"{embeddings.path}: the embedding of '{name}' is all zeros, so it has no cosine")
