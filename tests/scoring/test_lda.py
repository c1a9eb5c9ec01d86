"""LDA against the generalized eigenproblem."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh

from speakerssl.scoring.chain import Chain

Covariance = Callable[[np.ndarray], np.ndarray]


def fitted(words: str, *args: np.ndarray | None) -> Chain:
    chain = Chain(words)
    chain.fit(*args)
    return chain


def test_lda_solves_the_generalized_eigenproblem(data: np.ndarray, speakers: np.ndarray, within: Covariance) -> None:
    chain = fitted("lda:4", data, speakers)
    means = np.stack([data[speaker == speakers].mean(0) for speaker in range(30)])
    between = 12 * (means - data.mean(0)).T @ (means - data.mean(0))
    values, vectors = eigh(between, within(data))
    matrix = chain.transforms[0].matrix
    assert matrix is not None
    np.testing.assert_allclose(within(chain.apply(data)), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(np.diag(matrix.T @ between @ matrix), values[::-1][:4], rtol=1e-8)
    np.testing.assert_allclose(np.abs(matrix), np.abs(vectors[:, ::-1][:, :4]), rtol=1e-6, atol=1e-9)


def test_lda_subspace_does_not_depend_on_a_linear_map_of_its_input(data: np.ndarray, speakers: np.ndarray) -> None:
    mix = np.random.default_rng(5).standard_normal((8, 8))
    one = fitted("lda:4", data, speakers).apply(data)
    other = fitted("lda:4", data @ mix, speakers).apply(data @ mix)
    np.testing.assert_allclose(np.abs(one), np.abs(other), rtol=1e-6, atol=1e-8)
