"""Back-ends as files and on trial lists: round trips, enrolment models, adaptation, what does not fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend, load_backend, save_backend
from speakerssl.scoring.backend_training import (
    AdaptationOptions,
    BackendOptions,
    adapt_backend,
    train_backend,
    with_speakers,
)
from speakerssl.scoring.cohort_statistics import file_statistics, side_statistics
from speakerssl.scoring.enrolment import EnrolmentModels
from speakerssl.scoring.kaldi_plda import write_kaldi_plda
from speakerssl.scoring.plda_training import train_plda
from speakerssl.scoring.trial_vectors import drop_missing, prepare_sides, score_vectors
from speakerssl.trials.score_file import Scores
from speakerssl.trials.trial_list import Trials

SPEAKERS = np.repeat(np.arange(40), 6)


@pytest.fixture(scope="module")
def train() -> Embeddings:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((40, 10))[SPEAKERS] + 0.8 * rng.standard_normal((240, 10)) + 1
    return Embeddings([f"u{i:03d}" for i in range(240)], matrix.astype(np.float32), "train.scp")


@pytest.fixture(scope="module")
def trials() -> Trials:
    rng = np.random.default_rng(1)
    ids = [f"u{i:03d}" for i in range(0, 240, 7)]
    return Trials(ids, ids[5:] + ids[:5], *rng.integers(0, len(ids), (2, 200)).astype(np.int32), None, "trials")


@pytest.mark.parametrize("plda", [False, True])
def test_file_scores_the_same(tmp_path: Path, train: Embeddings, trials: Trials, plda: bool) -> None:
    options = BackendOptions("mean,lda:6,length", plda, normalization="simple")
    backend = train_backend(train, SPEAKERS, options)
    save_backend(tmp_path / "backend", backend)
    again = load_backend(tmp_path / "backend")
    assert str(again) == str(backend)
    assert again.normalization == ("simple" if plda else "length")
    one, other = (score_vectors(prepare_sides(trials, train, model), model) for model in (backend, again))
    assert np.array_equal(one, other)
    by_hand = backend.project(backend.chain.apply(train.matrix))
    rows = train.index(trials.enrol_ids)[trials.enrol_index], train.index(trials.test_ids)[trials.test_index]
    if not plda:
        by_hand /= np.linalg.norm(by_hand, axis=1, keepdims=True)
        np.testing.assert_allclose(one, (by_hand[rows[0]] * by_hand[rows[1]]).sum(1), atol=1e-5)
    elif backend.plda:
        block = backend.plda.bilinear(by_hand, 1, by_hand).block(slice(None))
        np.testing.assert_allclose(one, block[rows], atol=1e-6)


def test_plda_on_a_chain_is_trained_on_what_leaves_it(train: Embeddings) -> None:
    backend = train_backend(train, SPEAKERS, BackendOptions("mean,whiten", True))
    direct = train_plda(backend.chain.apply(train.matrix), SPEAKERS)
    assert backend.plda is not None
    np.testing.assert_allclose(backend.plda.psi, direct.psi)


def test_kaldi_plda_and_mean_vector_files(tmp_path: Path, train: Embeddings) -> None:
    plda = train_plda(train.matrix, SPEAKERS)
    write_kaldi_plda(tmp_path / "plda", plda)
    loaded = load_backend(tmp_path / "plda", "simple")
    assert loaded.normalization == "simple"
    assert loaded.plda is not None
    assert np.array_equal(loaded.plda.psi, plda.psi)
    np.save(tmp_path / "mean_vec.npy", train.matrix.mean(0))
    centred = load_backend(tmp_path / "mean_vec.npy").chain.apply(train.matrix)
    np.testing.assert_allclose(centred.mean(0), 0, atol=1e-5)


def test_models_are_averages_after_the_chain_with_their_counts(train: Embeddings) -> None:
    models = EnrolmentModels(["m1", "m2"], train.ids[:2] + train.ids[6:9], np.array([0, 2, 5]), "spk2utt")
    trials = Trials(["m2", "m1"], ["u020"], np.array([0, 1]), np.array([0, 0]), None, "trials")
    backend = train_backend(train, SPEAKERS, BackendOptions("mean,lda:6,length", True))
    plda, vectors = backend.plda, backend.chain.apply(train.matrix)
    assert plda is not None
    scores = score_vectors(prepare_sides(trials, train, backend, models), backend)
    for score, rows in zip(scores, ([6, 7, 8], [0, 1])):
        enrol = plda.project(vectors[rows].mean(0, keepdims=True), len(rows))
        expected = plda.bilinear(enrol, len(rows), plda.project(vectors[20:21])).block(slice(None))
        np.testing.assert_allclose(score, expected[0, 0], rtol=1e-9)
    ready = Embeddings(["m1", "m2"], np.stack([train.matrix[:2].mean(0), train.matrix[6:9].mean(0)]), "spk.scp")
    linear = train_backend(train, SPEAKERS, BackendOptions("mean,lda:6", True))
    one = score_vectors(prepare_sides(trials, train, linear, models), linear)
    two = score_vectors(prepare_sides(trials, train, linear, None, ready, {"m1": 2, "m2": 3}), linear)
    np.testing.assert_allclose(one, two, rtol=1e-5)


@pytest.mark.parametrize("method", ["z", "t", "s", "as"])
def test_statistics_of_models_and_of_shared_sides(train: Embeddings, trials: Trials, method: str) -> None:
    backend = train_backend(train, SPEAKERS, BackendOptions("mean,length", True))
    cohort = backend.project(backend.chain.apply(train.matrix[:50]))
    sides = prepare_sides(trials, train, backend)
    enrol, test = side_statistics(sides, backend, cohort, method, 20)
    assert sides.shared
    assert enrol is not None
    # The same recordings as one-recording models take the general way.
    models = EnrolmentModels(train.ids, train.ids, np.arange(241), "spk2utt")
    other = prepare_sides(trials, train, backend, models)
    enrol2, test2 = side_statistics(other, backend, cohort, method, 20)
    for one, two, rows, rows2 in (
        (enrol, enrol2, sides.enrol_rows, other.enrol_rows),
        (test, test2, sides.test_rows, other.test_rows),
    ):
        if one is not None and two is not None:
            np.testing.assert_allclose(one.select(rows).mean, two.select(rows2).mean, rtol=1e-7)
            np.testing.assert_allclose(one.select(rows).deviation, two.select(rows2).deviation, rtol=1e-7)
    assert (enrol2 is None) == (method == "t")
    assert (test2 is None) == (method == "z")


def test_equal_cohort_scores_are_refused(train: Embeddings, trials: Trials) -> None:
    backend = Backend()
    sides = prepare_sides(trials, train, backend)
    with pytest.raises(InputError, match=r"cohort.scp: all cohort scores of 'u000' are equal"):
        side_statistics(sides, backend, np.repeat(train.matrix[:1], 5, 0), "s", where="cohort.scp")


def test_file_statistics_name_the_recording(train: Embeddings) -> None:
    pairs = Trials(["a", "b"], ["c", "d"], np.array([0, 0, 1]), np.array([0, 1, 0]), None, "f")
    scores = Scores(np.array([1.0, 3.0, 2.0]), None, pairs, "cohort_scores")
    found = file_statistics(scores, ["a"], None)
    assert (found.mean[0], found.deviation[0]) == (2.0, 1.0)
    with pytest.raises(InputError, match="cohort_scores: 'b' has 1 cohort scores; 2 are needed"):
        file_statistics(scores, ["a", "b"], None)
    with pytest.raises(InputError, match="cohort scores need ids"):
        file_statistics(replace(scores, trials=None), ["a"], None)


def test_adaptation_uses_the_chain(train: Embeddings) -> None:
    backend = train_backend(train, SPEAKERS, BackendOptions("mean,lda:6", True))
    moved = Embeddings(train.ids, train.matrix * 2 + 3, "in_domain.scp")
    for method in ("kaldi", "coral+"):
        adapted = adapt_backend(backend, moved, AdaptationOptions(method))
        assert adapted.plda is not None
        np.testing.assert_allclose(adapted.plda.mean, backend.chain.apply(moved.matrix).mean(0))
        at_once = train_backend(
            train, SPEAKERS, BackendOptions("lda:6", True, adaptation=AdaptationOptions(method)), moved
        )
        separately = adapt_backend(train_backend(train, SPEAKERS, BackendOptions("lda:6", True)), moved,
                                   AdaptationOptions(method))  # fmt: skip
        assert at_once.plda is not None
        assert separately.plda is not None
        np.testing.assert_allclose(at_once.plda.psi, separately.plda.psi)


def test_missing_and_misfit(train: Embeddings, trials: Trials) -> None:
    backend = train_backend(train, SPEAKERS, BackendOptions("mean", True))
    some = train.select(train.ids[:100])
    with pytest.raises(InputError, match=r"no embedding for 'u105'.*which trials asks for; --skip-missing"):
        prepare_sides(trials, some, backend)
    kept = drop_missing(trials, some)
    assert len(kept.trials) + len(kept.pairs) == 200
    assert all(one >= "u100" or two >= "u100" for one, two in kept.pairs)
    full = score_vectors(prepare_sides(trials, train, backend), backend)
    whole = {trials.pair(row): score for row, score in enumerate(full)}
    part = score_vectors(prepare_sides(kept.trials, some, backend), backend)
    expected = [whole[kept.trials.pair(row)] for row in range(len(part))]
    np.testing.assert_allclose(part, expected, rtol=1e-9)
    narrow = Embeddings(train.ids, train.matrix[:, :7], "narrow.scp")
    with pytest.raises(InputError, match=r"narrow.scp: embeddings of 7 dimensions, but the chain step 'mean'"):
        prepare_sides(trials, narrow, backend)
    with pytest.raises(InputError, match=r"narrow.scp: embeddings of 7 dimensions, but the PLDA was trained on 10"):
        prepare_sides(trials, narrow, replace(backend, chain=Backend().chain))
    zero = Embeddings(train.ids, train.matrix * (np.arange(240) != 7)[:, None], "zero.scp")
    with pytest.raises(InputError, match=r"zero.scp: the embedding of 'u007' is all zeros"):
        prepare_sides(trials, zero, Backend())


def test_training_lacks_something(train: Embeddings) -> None:
    with pytest.raises(InputError, match="PLDA needs speaker labels"):
        train_backend(train, None, BackendOptions("mean", True))
    with pytest.raises(InputError, match="'kaldi' needs in-domain data: give --adapt"):
        train_backend(train, SPEAKERS, BackendOptions("", True, adaptation=AdaptationOptions("kaldi")))
    with pytest.raises(InputError, match="has no PLDA to adapt"):
        adapt_backend(Backend(), train, AdaptationOptions("kaldi"))
    narrow = Embeddings(train.ids, train.matrix[:, :7], "narrow.scp")
    with pytest.raises(InputError, match=r"narrow.scp holds embeddings of 7 numbers, train.scp of 10"):
        train_backend(train, SPEAKERS, BackendOptions("mean"), narrow)
    labels = dict.fromkeys(train.ids[1:], "s")
    with pytest.raises(InputError, match=r"utt2spk: no speaker for 'u000' of train.scp .1 such.; --skip-missing"):
        with_speakers(train, labels, "utt2spk")
    kept, speakers, skipped = with_speakers(train, labels, "utt2spk", skip_missing=True)
    assert (len(kept), len(speakers), skipped) == (239, 239, ["u000"])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"hello"])
def test_no_backend(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "backend.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"backend.npz: is no back-end"):
        load_backend(tmp_path / "backend.npz")


def test_backend_with_nan(tmp_path: Path, train: Embeddings) -> None:
    backend = train_backend(train, SPEAKERS, BackendOptions("mean"))
    backend.chain.steps[0].load({"offset": np.full(10, np.nan)})
    save_backend(tmp_path / "b.npz", backend)
    with pytest.raises(InputError, match="NaN or infinite"):
        load_backend(tmp_path / "b.npz")
