"""Training and adaptation of back-ends: on what leaves the chain, in which domain, and what is lacking."""

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.backend_options import AdaptationOptions, BackendOptions
from speakerssl.scoring.backend_training import adapt_backend, train_backend, with_speakers
from speakerssl.scoring.plda import Plda
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.scoring.plda_training import train_plda


def plda_of(backend: Backend) -> Plda:
    assert isinstance(backend.scorer, PldaScorer)
    return backend.scorer.plda


def test_plda_on_a_chain_is_trained_on_what_leaves_it(train: Embeddings, train_speakers: np.ndarray) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean,whiten", "plda"))
    direct = train_plda(backend.chain.apply(train.matrix), train_speakers)
    np.testing.assert_allclose(plda_of(backend).psi, direct.psi)


@pytest.mark.parametrize("method", ["kaldi", "coral+"])
def test_adaptation_uses_the_chain(train: Embeddings, train_speakers: np.ndarray, method: str) -> None:
    how = AdaptationOptions(method)
    backend = train_backend(train, train_speakers, BackendOptions("mean,lda:6", "plda"))
    moved = Embeddings(train.ids, train.matrix * 2 + 3, "in_domain.scp")
    adapted = plda_of(adapt_backend(backend, moved, how))
    np.testing.assert_allclose(adapted.mean, backend.chain.apply(moved.matrix).mean(0))
    at_once = train_backend(train, train_speakers, BackendOptions("lda:6", "plda", adaptation=how), moved)
    without = train_backend(train, train_speakers, BackendOptions("lda:6", "plda"))
    np.testing.assert_allclose(plda_of(at_once).psi, plda_of(adapt_backend(without, moved, how)).psi)


def test_training_lacks_something(train: Embeddings, train_speakers: np.ndarray) -> None:
    with pytest.raises(InputError, match="PLDA needs speaker labels"):
        train_backend(train, None, BackendOptions("mean", "plda"))
    kaldi = AdaptationOptions("kaldi")
    with pytest.raises(InputError, match="'kaldi' needs in-domain data: give --adapt"):
        train_backend(train, train_speakers, BackendOptions("", "plda", adaptation=kaldi))
    with pytest.raises(InputError, match="has no PLDA to adapt"):
        adapt_backend(Backend(), train, kaldi)
    with pytest.raises(InputError, match="unknown scorer 'svm'; the known ones are: cosine, plda"):
        train_backend(train, train_speakers, BackendOptions("mean", "svm"))
    narrow = Embeddings(train.ids, train.matrix[:, :7], "narrow.scp")
    with pytest.raises(InputError, match=r"narrow.scp holds embeddings of 7 numbers, train.scp of 10"):
        train_backend(train, train_speakers, BackendOptions("mean"), narrow)


def test_recordings_without_a_speaker(train: Embeddings) -> None:
    labels = dict.fromkeys(train.ids[1:], "s")
    with pytest.raises(InputError, match=r"utt2spk: no speaker for 'u000' of train.scp .1 such.; --skip-missing"):
        with_speakers(train, labels, "utt2spk")
    kept, speakers, skipped = with_speakers(train, labels, "utt2spk", skip_missing=True)
    assert (len(kept), len(speakers), skipped) == (239, 239, ["u000"])
