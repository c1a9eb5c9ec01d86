"""The embedding chain: each step against what it promises, domains, files, and what cannot be."""

import numpy as np
import pytest
from scipy.linalg import eigh

from speakerssl.errors import InputError
from speakerssl.scoring.chain import Chain
from speakerssl.scoring.statistics import covariance, speaker_statistics

SPEAKERS = np.repeat(np.arange(30), 12)


@pytest.fixture
def data() -> np.ndarray:
    """360 embeddings of 30 speakers, 8 dimensions, correlated and off centre."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((8, 8))
    offsets = rng.standard_normal((30, 8))
    return (offsets[SPEAKERS] + 0.7 * rng.standard_normal((360, 8))) @ mix + 3


@pytest.fixture
def in_domain() -> np.ndarray:
    """500 unlabelled embeddings elsewhere."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((500, 8)) @ rng.standard_normal((8, 8)) * 2 - 5


def within(matrix: np.ndarray) -> np.ndarray:
    """Pooled within-speaker covariance, by loops."""
    total = np.zeros((matrix.shape[1], matrix.shape[1]))
    for speaker in np.unique(SPEAKERS):
        rows = matrix[speaker == SPEAKERS]
        for row in rows:
            total += np.outer(row - rows.mean(0), row - rows.mean(0))
    return total / (len(matrix) - len(np.unique(SPEAKERS)))


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


@pytest.mark.parametrize("words", ["whiten", "whiten:zca", "whiten:pca", "whiten:pca:5"])
def test_whitening_gives_unit_covariance(words: str, data: np.ndarray) -> None:
    out = fitted(words, data).apply(data)
    mean, spread = covariance(out)
    np.testing.assert_allclose(mean, 0, atol=1e-10)
    np.testing.assert_allclose(spread, np.eye(out.shape[1]), atol=1e-9)


def test_zca_is_the_inverse_root_of_the_covariance(data: np.ndarray) -> None:
    matrix = fitted("whiten:zca", data).steps[0].matrix
    assert matrix is not None
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    np.testing.assert_allclose(np.linalg.inv(matrix @ matrix), covariance(data)[1], rtol=1e-8)


def test_pca_keeps_the_largest_axes(data: np.ndarray) -> None:
    centred = data - data.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    projector = axes[:3].T @ axes[:3]
    matrix = fitted("whiten:pca:3", data).steps[0].matrix
    assert matrix is not None
    basis = np.linalg.qr(matrix)[0]
    np.testing.assert_allclose(basis @ basis.T, projector, atol=1e-9)


def test_wccn_gives_unit_within_speaker_covariance(data: np.ndarray) -> None:
    out = fitted("wccn", data, SPEAKERS).apply(data)
    np.testing.assert_allclose(within(out), np.eye(8), atol=1e-9)


def test_lda_solves_the_generalized_eigenproblem(data: np.ndarray) -> None:
    chain = fitted("lda:4", data, SPEAKERS)
    means = np.stack([data[speaker == SPEAKERS].mean(0) for speaker in range(30)])
    between = 12 * (means - data.mean(0)).T @ (means - data.mean(0))
    values, vectors = eigh(between, within(data))
    matrix = chain.steps[0].matrix
    assert matrix is not None
    np.testing.assert_allclose(within(chain.apply(data)), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(np.diag(matrix.T @ between @ matrix), values[::-1][:4], rtol=1e-8)
    np.testing.assert_allclose(np.abs(matrix), np.abs(vectors[:, ::-1][:, :4]), rtol=1e-6, atol=1e-9)


def test_lda_subspace_does_not_depend_on_a_linear_map_of_its_input(data: np.ndarray) -> None:
    mix = np.random.default_rng(5).standard_normal((8, 8))
    one = fitted("lda:4", data, SPEAKERS).apply(data)
    other = fitted("lda:4", data @ mix, SPEAKERS).apply(data @ mix)
    np.testing.assert_allclose(np.abs(one), np.abs(other), rtol=1e-6, atol=1e-8)


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


def test_steps_are_fitted_on_what_the_ones_before_left(data: np.ndarray) -> None:
    chain = fitted("mean,lda:5,length", data, SPEAKERS)
    by_hand = data - data.mean(0)
    lda = fitted("lda:5", by_hand, SPEAKERS)
    by_hand = lda.apply(by_hand)
    by_hand *= np.sqrt(5) / np.linalg.norm(by_hand, axis=1, keepdims=True)
    np.testing.assert_allclose(chain.apply(data), by_hand, atol=1e-10)


def test_labels_may_be_any_words_in_any_order(data: np.ndarray) -> None:
    order = np.random.default_rng(3).permutation(len(data))
    words = np.array([f"spk{29 - speaker}" for speaker in SPEAKERS])
    one = fitted("wccn", data, SPEAKERS).apply(data)
    other = fitted("wccn", data[order], words[order]).apply(data)
    np.testing.assert_allclose(one, other, rtol=1e-8)


def test_tensors_restore_the_chain(data: np.ndarray, in_domain: np.ndarray) -> None:
    chain = fitted("mean,coral,whiten:pca:7,lda:4,wccn,length", data, SPEAKERS, in_domain)
    again = Chain.from_tensors(chain.tensors())
    assert str(again) == str(chain)
    assert np.array_equal(again.apply(in_domain), chain.apply(in_domain))


def test_empty_chain_changes_nothing(data: np.ndarray) -> None:
    assert np.array_equal(fitted("", data).apply(data), data)


def test_statistics_match_loops(data: np.ndarray) -> None:
    stats = speaker_statistics(data, SPEAKERS)
    np.testing.assert_allclose(stats.within_covariance, within(data))
    total = covariance(data)[1] * len(data)
    np.testing.assert_allclose(stats.within_scatter + stats.between_scatter, total)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("men", "unknown chain step 'men'; the known ones are: coral, coral\\+, lda, length, mean, wccn, whiten"),
        ("lda:x", "'x' is not a positive number; write it as lda"),
        ("lda:9", "lda:9 asks for more than 8 dimensions"),
        ("whiten:pca:99", "more than the 8 dimensions"),
        ("whiten:odd", "write it as whiten"),
        ("mean:3", "takes no argument"),
        ("coral", "needs unlabelled in-domain embeddings"),
        ("coral+:2", "over 1"),
    ],
)
def test_what_cannot_be_is_said(words: str, message: str, data: np.ndarray) -> None:
    with pytest.raises(InputError, match=message):
        fitted(words, data, SPEAKERS)


@pytest.mark.parametrize("words", ["lda", "wccn"])
def test_missing_labels(words: str, data: np.ndarray) -> None:
    with pytest.raises(InputError, match="--utt2spk"):
        fitted(words, data)


@pytest.mark.parametrize("words", ["whiten", "wccn", "lda:3", "coral"])
def test_singular_covariance_says_what_to_do(words: str, data: np.ndarray, in_domain: np.ndarray) -> None:
    flat = np.hstack([data, data[:, :1]])
    wide = np.hstack([in_domain, in_domain[:, :1]])
    with pytest.raises(InputError, match=r"singular: rank 8 of 9 dimensions; .*(whiten:pca|coral:)"):
        fitted(words, flat, SPEAKERS, wide if words == "coral" else None)


def test_fewer_recordings_than_dimensions(data: np.ndarray) -> None:
    with pytest.raises(InputError, match="whiten:pca:4 or fewer"):
        fitted("whiten", data[:5])
    with pytest.raises(InputError, match="no speaker has two recordings"):
        fitted("wccn", data[:5], np.arange(5))
    with pytest.raises(InputError, match="two are the least"):
        fitted("lda", data[:5], np.zeros(5))


def test_wrong_size(data: np.ndarray) -> None:
    with pytest.raises(InputError, match="7 dimensions, but the chain step 'mean' was trained on 8"):
        fitted("mean", data).apply(data[:, :7])
