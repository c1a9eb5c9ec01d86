"""Whitening and within-class covariance normalization against the covariances that they promise."""

from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.scoring.chain import Chain
from speakerssl.scoring.statistics import covariance

Covariance = Callable[[np.ndarray], np.ndarray]


def fitted(words: str, *args: np.ndarray | None) -> Chain:
    chain = Chain(words)
    chain.fit(*args)
    return chain


@pytest.mark.parametrize("words", ["whiten", "whiten:zca", "whiten:pca", "whiten:pca:5"])
def test_whitening_gives_unit_covariance(words: str, data: np.ndarray) -> None:
    out = fitted(words, data).apply(data)
    mean, spread = covariance(out)
    np.testing.assert_allclose(mean, 0, atol=1e-10)
    np.testing.assert_allclose(spread, np.eye(out.shape[1]), atol=1e-9)


def test_zca_is_the_inverse_root_of_the_covariance(data: np.ndarray) -> None:
    matrix = fitted("whiten:zca", data).transforms[0].matrix
    assert matrix is not None
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    np.testing.assert_allclose(np.linalg.inv(matrix @ matrix), covariance(data)[1], rtol=1e-8)


def test_pca_keeps_the_largest_axes(data: np.ndarray) -> None:
    centred = data - data.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    projector = axes[:3].T @ axes[:3]
    matrix = fitted("whiten:pca:3", data).transforms[0].matrix
    assert matrix is not None
    basis = np.linalg.qr(matrix)[0]
    np.testing.assert_allclose(basis @ basis.T, projector, atol=1e-9)


def test_wccn_gives_unit_within_speaker_covariance(data: np.ndarray, speakers: np.ndarray, within: Covariance) -> None:
    out = fitted("wccn", data, speakers).apply(data)
    np.testing.assert_allclose(within(out), np.eye(8), atol=1e-9)


def test_labels_may_be_any_words_in_any_order(data: np.ndarray, speakers: np.ndarray) -> None:
    order = np.random.default_rng(3).permutation(len(data))
    words = np.array([f"spk{29 - speaker}" for speaker in speakers])
    one = fitted("wccn", data, speakers).apply(data)
    other = fitted("wccn", data[order], words[order]).apply(data)
    np.testing.assert_allclose(one, other, rtol=1e-8)
