"""CORAL and CORAL+ on embeddings against the moments that they promise."""

import numpy as np
from scipy.linalg import eigh

from speakerssl.scoring.chain import Chain
from speakerssl.scoring.statistics import covariance


def test_coral_gives_training_data_the_moments_of_the_domain(data: np.ndarray, in_domain: np.ndarray) -> None:
    chain = Chain("coral")
    left = chain.fit(data, None, in_domain)
    for got, wanted in zip(covariance(left.embeddings), covariance(in_domain)):
        np.testing.assert_allclose(got, wanted, rtol=1e-8)
    assert np.array_equal(chain.apply(in_domain), in_domain)


def test_coral_plus_lets_variance_only_grow(data: np.ndarray, in_domain: np.ndarray) -> None:
    out, inside = covariance(data)[1], covariance(in_domain)[1]
    grown = covariance(Chain("coral+:0.4").fit(data, None, in_domain).embeddings)[1]
    ratios, axes = eigh(inside, out)  # axes' out axes = I
    back = np.linalg.inv(axes)
    expected = out + 0.4 * back.T @ np.diag(np.maximum(0, ratios - 1)) @ back
    np.testing.assert_allclose(grown, expected, rtol=1e-7)
    assert np.linalg.eigvalsh(grown - out).min() > -1e-9
