"""The back-end that a job names."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.backend import load_backend
from speakerssl.scoring.backend_file import BackendFile


def test_without_a_file_it_is_cosine(tmp_path: Path) -> None:
    assert str(BackendFile().load()) == str(BackendFile(None, None, "auto").load())
    np.save(tmp_path / "mean_vec.npy", np.arange(3.0))
    path = str(tmp_path / "mean_vec.npy")
    assert str(BackendFile(path).load()) == str(load_backend(path))


def test_a_normalization_without_a_plda_is_refused() -> None:
    with pytest.raises(InputError, match="--plda-normalization is of the PLDA of a --backend; give that too"):
        BackendFile(None, "simple").load()
