"""The two sides of a trial list under a back-end: each distinct recording and enrolment model worked on once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.kernels import run_all
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.cosine import known_trials, unit_rows
from speakerssl.scoring.enrolment import EnrolmentModels, without_missing
from speakerssl.scoring.normalization import single_blas_thread
from speakerssl.scoring.plda import Plda
from speakerssl.trials.trial_list import Trials

# Rows chained at once: what they take stays in the cache of a core.
BLOCK = 1024


@dataclass(frozen=True)
class TrialVectors:
    """Projected vectors and, for each trial, the row of each side.

    `enrol` [E, D] with `enrol_ids`, averages of `counts` [E] recordings; `test` [N, D] with `test_ids`;
    `enrol_rows` and `test_rows` [T]. One array serves both sides where every enrolment is one recording.
    """

    enrol: np.ndarray
    enrol_ids: list[str]
    counts: np.ndarray
    enrol_rows: np.ndarray
    test: np.ndarray
    test_ids: list[str]
    test_rows: np.ndarray

    @property
    def shared(self) -> bool:
        """Whether both sides are rows of one array of single recordings."""
        return self.enrol is self.test

    def by_count(self) -> Iterator[tuple[int, np.ndarray]]:
        """Each distinct number of recordings and the enrolment rows that have it."""
        for count in np.unique(self.counts):
            yield int(count), np.flatnonzero(self.counts == count)


def prepare_sides(
    trials: Trials,
    embeddings: Embeddings,
    backend: Backend,
    models: EnrolmentModels | None = None,
    enrolled: Embeddings | None = None,
    num_utts: Mapping[str, int] | None = None,
) -> TrialVectors:
    """Chains and projects all that `trials` compare, once for each distinct recording or model.

    Enrolments are recordings of `embeddings`; or the averages of the recordings of `models`, taken after
    the chain (of unit-length vectors, for cosine); or the ready averages `enrolled` of `num_utts` recordings
    (1 where it does not say). Raises InputError for an id without an embedding, and for vectors of zeros
    where cosine would have to divide by their length.
    """
    if models is None and enrolled is None:
        ids = list(dict.fromkeys([*trials.enrol_ids, *trials.test_ids]))
        projected = transform(backend, embeddings, _look_up(trials, embeddings, ids))
        row = dict(zip(ids, range(len(ids))))
        enrol_rows, test_rows = (
            np.fromiter(map(row.__getitem__, names), np.int64, len(names))[index]
            for names, index in ((trials.enrol_ids, trials.enrol_index), (trials.test_ids, trials.test_index))
        )
        ones = np.ones(len(ids), np.int64)
        return TrialVectors(projected, ids, ones, enrol_rows, projected, ids, test_rows)
    test = transform(backend, embeddings, _look_up(trials, embeddings, trials.test_ids))
    if enrolled is not None:
        rows = _look_up(trials, enrolled, trials.enrol_ids)
        vectors = transform(replace(backend, plda=None), enrolled, rows, backend.plda)
        counts = np.array([(num_utts or {}).get(name, 1) for name in trials.enrol_ids], np.int64)
    else:
        assert models is not None
        vectors, counts = _averages(trials, models, embeddings, backend)
    enrol = backend.project(vectors, counts)
    return TrialVectors(enrol, trials.enrol_ids, counts, trials.enrol_index, test, trials.test_ids, trials.test_index)


def score_vectors(sides: TrialVectors, backend: Backend) -> np.ndarray:
    """The score of every trial [T]: cosine, or log-likelihood ratios in nats."""
    if backend.plda is None:
        return backend.compare(sides.enrol, sides.test).pairs(sides.enrol_rows, sides.test_rows)
    return backend.plda.score_pairs(sides.enrol, sides.test, sides.enrol_rows, sides.test_rows, sides.counts)


@dataclass(frozen=True)
class Complete:
    """What is left when all that lacks an embedding is left out: `pairs` and `recordings` of models are gone."""

    trials: Trials
    models: EnrolmentModels | None
    pairs: list[tuple[str, str]]
    recordings: list[str]


def drop_missing(
    trials: Trials,
    embeddings: Embeddings,
    models: EnrolmentModels | None = None,
    enrolled: Embeddings | None = None,
) -> Complete:
    """Leaves out trials, and recordings of enrolment models, without embedding. Raises InputError if none is left."""
    recordings: list[str] = []
    if models is not None:
        models, recordings = without_missing(models, embeddings)
    names = models.ids if models is not None else (enrolled or embeddings).ids
    known = known_trials(trials, embeddings, names)
    pairs = [trials.pair(row) for row in np.flatnonzero(~known).tolist()]
    return Complete(trials.select(known).compact() if pairs else trials, models, pairs, recordings)


def _look_up(trials: Trials, embeddings: Embeddings, ids: list[str]) -> np.ndarray:
    try:
        return embeddings.index(ids)
    except InputError as error:
        raise InputError(f"{error}, which {trials.path} asks for; --skip-missing leaves such trials out") from None


def chained(backend: Backend, embeddings: Embeddings) -> np.ndarray:
    """What the chain of `backend` makes of all `embeddings`, [N, D'], not yet projected."""
    return transform(replace(backend, plda=None), embeddings, np.arange(len(embeddings)), backend.plda)


def transform(backend: Backend, embeddings: Embeddings, rows: np.ndarray, next_plda: Plda | None = None) -> np.ndarray:
    """Chains and projects the `embeddings` at `rows` [N] (single recordings), [N, D'], in blocks on all cores.

    Raises InputError naming the file for a size that does not fit the back-end (or the PLDA that is to follow),
    and the id of a vector of zeros, which has no cosine.
    """
    plda = backend.plda or next_plda
    try:
        sample = backend.chain.apply(embeddings.matrix[:1])
        if plda is not None and sample.shape[1] != plda.dim:
            raise InputError(f"embeddings of {sample.shape[1]} dimensions, but the PLDA was trained on {plda.dim}")
    except InputError as error:
        raise InputError(f"{embeddings.path}: {error}") from None
    out = np.empty((len(rows), sample.shape[1]), sample.dtype if backend.plda is None else np.float64)
    zeros: list[int] = []

    def work(block: slice) -> None:
        vectors = backend.chain.apply(embeddings.matrix[rows[block]])
        if plda is None:
            zeros.extend((block.start + np.flatnonzero(~vectors.any(axis=1))).tolist())
        out[block] = backend.project(vectors)

    blocks = [slice(start, min(start + BLOCK, len(rows))) for start in range(0, len(rows), BLOCK)]
    with single_blas_thread():
        run_all([partial(work, block) for block in blocks])
    if zeros:
        name = embeddings.ids[rows[min(zeros)]]
        raise InputError(f"{embeddings.path}: the embedding of '{name}' is all zeros, so it has no cosine")
    return out


def _averages(
    trials: Trials, models: EnrolmentModels, embeddings: Embeddings, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """Mean vectors [E, D] and counts [E] of the enrolment models that the trials name."""
    number = dict(zip(models.ids, range(len(models.ids))))
    unknown = next((name for name in trials.enrol_ids if name not in number), None)
    if unknown is not None:
        raise InputError(
            f"{models.path}: has no model '{unknown}', which {trials.path} asks for; "
            "--skip-missing leaves such trials out"
        )
    wanted = [number[name] for name in trials.enrol_ids]
    members = [models.recordings[models.bounds[m] : models.bounds[m + 1]] for m in wanted]
    counts = models.num_utts[wanted]
    rows = _look_up(trials, embeddings, [name for group in members for name in group])
    vectors = transform(replace(backend, plda=None), embeddings, rows, backend.plda)
    if backend.plda is None:
        vectors = unit_rows(vectors)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    means = np.add.reduceat(vectors.astype(np.float64), starts, axis=0) / counts[:, None]
    return means, counts
