"""Spectral clustering finds made groups and their number, and says what it cannot do."""

import numpy as np
import pytest
from scipy.linalg import eigh

from speakerssl.clustering import spectral as module
from speakerssl.clustering.spectral import spectral
from speakerssl.errors import InputError


def groups(sizes: list[int], noise: float = 0.4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.standard_normal((32, len(sizes))))[0].T
    truth = np.repeat(np.arange(len(sizes)), sizes)
    rows = centres[truth] + noise * rng.standard_normal((len(truth), 32)) / np.sqrt(32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), truth


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    return len({*zip(one.tolist(), other.tolist())}) == len(set(one.tolist())) == len(set(other.tolist()))


@pytest.mark.parametrize("sizes", [[30, 30], [40, 12, 25], [20, 20, 20, 20, 9]])
def test_groups_and_their_number(sizes: list[int]) -> None:
    units, truth = groups(sizes)
    shuffled = np.random.default_rng(1).permutation(len(units))
    assert same_partition(spectral(units[shuffled]), truth[shuffled])


def test_a_given_number_is_kept() -> None:
    units, truth = groups([25, 25, 25])
    assert same_partition(spectral(units, 3), truth)
    assert len(set(spectral(units, 5).tolist())) == 5
    assert set(spectral(units, 1).tolist()) == {0}


def test_few_rows() -> None:
    units, _ = groups([1, 1])
    assert spectral(units[:1]).tolist() == [0]
    assert spectral(units, 2).tolist() == [0, 1]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    units, _ = groups([5, 5])
    with pytest.raises(InputError, match="11 clusters of 10 recordings"):
        spectral(units, 11)
    monkeypatch.setattr(module, "LIMIT", 9)
    with pytest.raises(InputError, match="over 9 use agglomerative"):
        spectral(units)


def test_an_eigenvalue_method_that_gives_up_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPACK's fast method ends in "Internal Error" on some graphs of equal eigenvalues, on some processors."""
    units, truth = groups([40, 12, 25])
    expected = spectral(units)

    def gives_up(matrix: np.ndarray, **options: object) -> object:
        if options.get("driver") != "evd":
            raise np.linalg.LinAlgError("Internal Error.")
        return eigh(matrix, **options)

    monkeypatch.setattr(module, "eigh", gives_up)
    assert same_partition(spectral(units), truth)
    assert same_partition(spectral(units), expected)
