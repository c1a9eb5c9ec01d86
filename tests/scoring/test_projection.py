"""Embeddings through chain and projection: blocks change nothing, and what does not fit is named."""

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring import projection
from speakerssl.scoring.backend_options import BackendOptions
from speakerssl.scoring.backend_training import train_backend
from speakerssl.scoring.projection import apply_chain, project


@pytest.mark.parametrize("scorer", ["cosine", "plda"])
def test_blocks_on_threads_are_the_whole_at_once(
    train: Embeddings, train_speakers: np.ndarray, scorer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "BLOCK", 17)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    backend = train_backend(train, train_speakers, BackendOptions("mean,lda:6,length", scorer))
    rows = np.random.default_rng(0).permutation(240)[:100]
    chained = backend.chain.apply(train.matrix[rows])
    np.testing.assert_allclose(apply_chain(backend, train, rows), chained, atol=1e-12)
    np.testing.assert_allclose(project(backend, train, rows), backend.scorer.project(chained), atol=1e-9)
    assert apply_chain(backend, train).shape == (240, 6)


def test_zeros_and_sizes_are_named(train: Embeddings, train_speakers: np.ndarray) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("length"))
    zero = Embeddings(train.ids, train.matrix * (np.arange(240) != 7)[:, None], "zero.scp")
    with pytest.raises(InputError, match=r"zero.scp: the embedding of 'u007' is all zeros, so it has no cosine"):
        apply_chain(backend, zero)
    assert len(project(backend, zero, np.arange(7))) == 7
    lda = train_backend(train, train_speakers, BackendOptions("lda:6"))
    narrow = Embeddings(train.ids, train.matrix[:, :7], "narrow.scp")
    with pytest.raises(InputError, match=r"narrow.scp: embeddings of 7 dimensions, but the transform 'lda'"):
        project(lda, narrow, np.arange(3))
