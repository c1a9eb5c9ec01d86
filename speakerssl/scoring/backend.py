"""A back-end: an embedding chain and, where there is one, a PLDA; trained, saved and reused as one npz file."""

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import atomic_path, read_bytes
from speakerssl.scoring.bilinear import Bilinear, cosine
from speakerssl.scoring.chain import Chain
from speakerssl.scoring.kaldi_plda import is_kaldi_plda, read_kaldi_plda
from speakerssl.scoring.plda import Plda
from speakerssl.scoring.transforms import Mean

FORMAT = "speakerssl-backend"


@dataclass(frozen=True)
class Backend:
    """`chain`, then cosine, or `plda` with its length `normalization` ("length", "simple" or "none")."""

    chain: Chain = field(default_factory=Chain)
    plda: Plda | None = None
    normalization: str = "length"

    def __str__(self) -> str:
        steps = str(self.chain) or "no chain"
        return f"{steps}, PLDA of {self.plda.dim} dimensions" if self.plda else f"{steps}, cosine"

    def project(self, vectors: np.ndarray, counts: np.ndarray | int = 1) -> np.ndarray:
        """What is compared, of `vectors` [N, D] that left the chain (means of `counts` recordings each)."""
        return vectors if self.plda is None else self.plda.project(vectors, counts, self.normalization)

    def compare(self, enrolment: np.ndarray, test: np.ndarray, count: int = 1) -> Bilinear:
        """Scores of projected enrolments [N, D], each of `count` recordings, and tests [M, D]."""
        return cosine(enrolment, test) if self.plda is None else self.plda.bilinear(enrolment, count, test)


def save_backend(path: str | Path, backend: Backend) -> None:
    """Writes `backend` as an npz of arrays: loading it never runs code."""
    named = {"format": np.array(FORMAT), **backend.chain.tensors()}
    if backend.plda is not None:
        named |= backend.plda.tensors() | {"plda.normalization": np.array(backend.normalization)}
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        # A file object: numpy would add .npz to a name without it.
        np.savez(stream, **named)  # type: ignore[arg-type]


def load_backend(path: str | Path, normalization: str | None = None) -> Backend:
    """Reads what `save_backend` wrote, a Kaldi `plda` file, or a `mean_vec.npy` (wespeaker's mean to subtract).

    `normalization` replaces that of the PLDA where it is given.
    Raises InputError if it is something else, or holds NaN or infinite numbers.
    """
    raw = read_bytes(path)
    if is_kaldi_plda(raw):
        return Backend(plda=read_kaldi_plda(path), normalization=normalization or "length")
    try:
        content = np.load(io.BytesIO(raw), allow_pickle=False)
        if isinstance(content, np.ndarray):
            return _mean_vector(path, content)
        tensors = {key: content[key] for key in content.files}
        if str(tensors["format"]) != FORMAT:
            raise ValueError("another format")
        plda = None
        if "plda.mean" in tensors:
            plda = Plda(tensors["plda.mean"], tensors["plda.transform"], tensors["plda.psi"])
        chain = Chain.from_tensors(tensors)
        normalization = normalization or str(tensors.get("plda.normalization", "length"))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        raise InputError(
            f"{path}: is no back-end; expected an npz of `backend train`, a Kaldi plda or a mean_vec.npy"
        ) from None
    numbers = [value for value in tensors.values() if value.dtype.kind == "f"]
    if not all(np.isfinite(value).all() for value in numbers):
        raise InputError(f"{path}: the back-end holds NaN or infinite numbers")
    return Backend(chain, plda, normalization)


def _mean_vector(path: str | Path, vector: np.ndarray) -> Backend:
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise InputError(f"{path}: a mean to subtract is one vector of finite numbers, not {vector.shape}")
    chain = Chain(Mean.name)
    chain.steps[0].load({"offset": vector.astype(np.float64)})
    return Backend(chain)
