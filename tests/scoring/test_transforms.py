"""The simplest transforms: what they promise, domains, files."""

import numpy as np

from speakerssl.scoring.chain import Chain


def fitted(words: str, *args: np.ndarray | None) -> Chain:
    chain = Chain(words)
    chain.fit(*args)
    return chain


def test_mean_and_length(data: np.ndarray) -> None:
    out = fitted("mean", data).apply(data)
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-12)
    out = fitted("length", data).apply(data)
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), np.sqrt(8))
    np.testing.assert_allclose(out / data, (out / data)[:, :1] * np.ones(8))
    assert not fitted("length", data).apply(np.zeros((1, 8))).any()


def test_mean_centres_each_domain_on_itself(data: np.ndarray, in_domain: np.ndarray) -> None:
    chain = Chain("mean")
    left = chain.fit(data, None, in_domain)
    np.testing.assert_allclose(left.embeddings.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(chain.apply(in_domain).mean(0), 0, atol=1e-12)
