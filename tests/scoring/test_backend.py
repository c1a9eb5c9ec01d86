"""Back-ends as files: round trips, other toolkits' files, and files that are none."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend, load_backend, save_backend
from speakerssl.scoring.backend_options import BackendOptions, PldaOptions
from speakerssl.scoring.backend_training import train_backend
from speakerssl.scoring.kaldi_plda import write_kaldi_plda
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.scoring.plda_training import train_plda
from speakerssl.scoring.trial_scores import score
from speakerssl.trials.trial_list import Trials


@pytest.mark.parametrize("scorer", ["cosine", "plda"])
def test_file_scores_the_same(
    tmp_path: Path, train: Embeddings, train_speakers: np.ndarray, trials: Trials, scorer: str
) -> None:
    options = BackendOptions("mean,lda:6,length", scorer, PldaOptions(normalization="simple"))
    backend = train_backend(train, train_speakers, options)
    save_backend(tmp_path / "backend", backend)
    again = load_backend(tmp_path / "backend")
    assert str(again) == str(backend)
    assert str(again) == f"mean,lda:6,length, {'PLDA of 6 dimensions' if scorer == 'plda' else 'cosine'}"
    assert getattr(again.scorer, "normalization", None) == ("simple" if scorer == "plda" else None)
    one, other = (score(trials, train, model) for model in (backend, again))
    assert np.array_equal(one, other)
    assert np.array_equal(one, score(trials, train, tmp_path / "backend"))


def test_kaldi_plda_and_mean_vector_files(tmp_path: Path, train: Embeddings, train_speakers: np.ndarray) -> None:
    plda = train_plda(train.matrix, train_speakers)
    write_kaldi_plda(tmp_path / "plda", plda)
    scorer = load_backend(tmp_path / "plda", "simple").scorer
    assert isinstance(scorer, PldaScorer)
    assert scorer.normalization == "simple"
    assert np.array_equal(scorer.plda.psi, plda.psi)
    np.save(tmp_path / "mean_vec.npy", train.matrix.mean(0))
    centred = load_backend(tmp_path / "mean_vec.npy").chain.apply(train.matrix)
    np.testing.assert_allclose(centred.mean(0), 0, atol=1e-5)
    with pytest.raises(InputError, match="--plda-normalization is of a PLDA; this back-end scores by cosine"):
        load_backend(tmp_path / "mean_vec.npy", "simple")
    with pytest.raises(InputError, match="unknown PLDA normalization 'x'; the known ones are: length, none, simple"):
        load_backend(tmp_path / "plda", "x")


def test_a_centred_back_end_subtracts_first(train: Embeddings, train_speakers: np.ndarray) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("lda:6"))
    mean = np.arange(10, dtype=np.float32)
    centred = backend.centred(mean)
    assert str(centred) == "mean,lda:6, cosine"
    np.testing.assert_allclose(centred.chain.apply(train.matrix), backend.chain.apply(train.matrix - mean), atol=1e-5)
    assert Backend().keeps_embeddings
    assert not centred.keeps_embeddings


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"hello", b"\x80\x04K\x01.", b"\x1f\x8b"])
def test_no_backend(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "backend.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"backend.npz: (is no (back-end|whole numpy file)|cannot be read: damaged)"):
        load_backend(tmp_path / "backend.npz")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step0.offset", None),
        ("step0.offset", np.zeros((10, 2))),
        ("step1.matrix", np.zeros((3, 6))),
        ("step1.matrix", np.array(["a"])),
        ("plda.psi", np.zeros(3)),
        ("plda.mean", None),
        ("chain", np.array(5)),
        ("format", np.array("another")),
    ],
)
def test_arrays_that_do_not_fit(
    tmp_path: Path, train: Embeddings, train_speakers: np.ndarray, key: str, value: np.ndarray | None
) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean,lda:6", "plda"))
    save_backend(tmp_path / "b.npz", backend)
    arrays = {name: array for name, array in np.load(tmp_path / "b.npz").items() if name != key or value is not None}
    np.savez(tmp_path / "b.npz", **(arrays | ({} if value is None else {key: value})))
    with pytest.raises(InputError, match=r"b.npz: is no back-end"):
        load_backend(tmp_path / "b.npz")


def test_backend_with_nan(tmp_path: Path, train: Embeddings, train_speakers: np.ndarray) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean"))
    backend.chain.transforms[0].load({"offset": np.full(10, np.nan)})
    save_backend(tmp_path / "b.npz", backend)
    with pytest.raises(InputError, match="NaN or infinite"):
        load_backend(tmp_path / "b.npz")
    np.save(tmp_path / "mean.npy", np.full(10, np.inf))
    with pytest.raises(InputError, match=r"mean.npy: a mean to subtract is one vector of finite numbers"):
        load_backend(tmp_path / "mean.npy")
