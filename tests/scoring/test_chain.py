"""The embedding chain: transforms one after the other, files, and what cannot be."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.chain import Chain


def fitted(words: str, *args: np.ndarray | None) -> Chain:
    chain = Chain(words)
    chain.fit(*args)
    return chain


def test_transforms_are_fitted_on_what_the_ones_before_left(data: np.ndarray, speakers: np.ndarray) -> None:
    chain = fitted("mean,lda:5,length", data, speakers)
    by_hand = data - data.mean(0)
    lda = fitted("lda:5", by_hand, speakers)
    by_hand = lda.apply(by_hand)
    by_hand *= np.sqrt(5) / np.linalg.norm(by_hand, axis=1, keepdims=True)
    np.testing.assert_allclose(chain.apply(data), by_hand, atol=1e-10)


def test_tensors_restore_the_chain(data: np.ndarray, in_domain: np.ndarray, speakers: np.ndarray) -> None:
    chain = fitted("mean,coral,whiten:pca:7,lda:4,wccn,length", data, speakers, in_domain)
    again = Chain.from_tensors(chain.tensors())
    assert str(again) == str(chain)
    assert np.array_equal(again.apply(in_domain), chain.apply(in_domain))


def test_empty_chain_changes_nothing(data: np.ndarray) -> None:
    assert np.array_equal(fitted("", data).apply(data), data)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("men", "unknown transform 'men'; the known ones are: coral, coral\\+, lda, length, mean, wccn, whiten"),
        ("lda:x", "'x' is not a positive number; write it as lda"),
        ("lda:9", "lda:9 asks for more than 8 dimensions"),
        ("whiten:pca:99", "more than the 8 dimensions"),
        ("whiten:odd", "write it as whiten"),
        ("mean:3", "takes no argument"),
        ("coral", "needs unlabelled in-domain embeddings"),
        ("coral+:2", "over 1"),
    ],
)
def test_what_cannot_be_is_said(words: str, message: str, data: np.ndarray, speakers: np.ndarray) -> None:
    with pytest.raises(InputError, match=message):
        fitted(words, data, speakers)


@pytest.mark.parametrize("words", ["lda", "wccn"])
def test_missing_labels(words: str, data: np.ndarray) -> None:
    with pytest.raises(InputError, match="--utt2spk"):
        fitted(words, data)


@pytest.mark.parametrize("words", ["whiten", "wccn", "lda:3", "coral"])
def test_singular_covariance_says_what_to_do(
    words: str, data: np.ndarray, in_domain: np.ndarray, speakers: np.ndarray
) -> None:
    flat = np.hstack([data, data[:, :1]])
    wide = np.hstack([in_domain, in_domain[:, :1]])
    with pytest.raises(InputError, match=r"singular: rank 8 of 9 dimensions; .*(whiten:pca|coral:)"):
        fitted(words, flat, speakers, wide if words == "coral" else None)


def test_fewer_recordings_than_dimensions(data: np.ndarray) -> None:
    with pytest.raises(InputError, match="whiten:pca:4 or fewer"):
        fitted("whiten", data[:5])
    with pytest.raises(InputError, match="no speaker has two recordings"):
        fitted("wccn", data[:5], np.arange(5))
    with pytest.raises(InputError, match="two are the least"):
        fitted("lda", data[:5], np.zeros(5))


def test_wrong_size(data: np.ndarray) -> None:
    with pytest.raises(InputError, match="7 dimensions, but the transform 'mean' was trained on 8"):
        fitted("mean", data).apply(data[:, :7])
