"""`speakerssl ivector`: from recordings to an extractor on disk, and from there to embeddings; resumes at any step."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.clustering.gmm import Mixture, train_mixture
from speakerssl.clustering.ivector import (
    IVectorExtractor,
    start_extractor,
    whitened_statistics,
)
from speakerssl.clustering.ivector_em import Updates, em_step
from speakerssl.clustering.ivector_features import FrameStore, checked_frames, store_frames
from speakerssl.clustering.ivector_sums import BATCH, sum_recordings
from speakerssl.data.kaldi import Utterance
from speakerssl.data.prepare import write_failures
from speakerssl.errors import InputError, JobError
from speakerssl.executors import elsewhere
from speakerssl.io import atomic_path, progress
from speakerssl.processes import map_processes
from speakerssl.resume import Identity, output_lock

MODEL = "ivector.npz"
UBM = "ubm.npz"


@dataclass(frozen=True)
class IVectorOptions:
    """Sizes; the defaults are those of Kaldi's VoxCeleb recipe (verified), with its 500,000 frames for the UBM.

    The last four say what EM estimates beside the matrix, see `Updates`.
    """

    gaussians: int = 2048
    dim: int = 400
    covariance: str = "full"
    ubm_iterations: int = 20
    full_iterations: int = 4
    ubm_frames: int = 500_000
    iterations: int = 5
    max_recordings: int = 100_000
    seed: int = 0
    update_covariances: bool = True
    update_prior: bool = True
    variance_floor: float = 0.1
    min_count: float = 100.0

    @property
    def updates(self) -> Updates:
        """What EM estimates."""
        return Updates(self.update_covariances, self.update_prior, self.variance_floor, self.min_count)

    def __post_init__(self) -> None:
        if self.covariance not in ("full", "diagonal"):
            raise InputError(f"covariance is 'full' or 'diagonal', not '{self.covariance}'")
        for name, value in asdict(self).items():
            if type(value) is int and name != "seed" and value < 1:
                raise InputError(f"{name} is {value}; it must be 1 or more")
        _ = self.updates  # a number out of range is told at once


def train_ivectors(
    output: Path,
    utterances: Sequence[Utterance],
    options: IVectorOptions,
    on_no_speech: str = "error",
    verify: str = "stat",
    jobs: int = 4,
) -> tuple[list[float], dict[str, str]]:
    """Writes `output`/ivector.npz; (the objective of each EM iteration (see `em_step`), {id: why it was left out}).

    The UBM and each iteration are kept, so that a second call goes on where the first was stopped. No label is read.
    `jobs` compute at once: threads for features, or jobs of another executor for them and for the sums of EM.
    Raises InputError where `output` holds a run with other options or recordings, JobError where no recording can be
    used.
    """
    with output_lock(output):
        _check_same_run(output, utterances, options, on_no_speech, verify)
        store = store_frames(output, utterances, on_no_speech, jobs)
        write_failures(output, store.failed)
        _train_mixture(output, store, options)
        objectives = []
        for number in range(1, options.iterations + 1):
            path = iteration_path(output, number)
            if not path.exists():
                load = functools.partial(load_before, output, options, number)
                covariances = options.update_covariances
                sums = sum_recordings(output, load, options.max_recordings, jobs, covariances=covariances)
                save_extractor(path, *em_step(load(), sums, options.updates))
            with np.load(path) as found:
                objectives.append(float(found["objective"]))
        save_extractor(output / MODEL, load_extractor(path), objectives[-1])
    return objectives, store.failed


def extract_ivectors(
    model: Path, utterances: Sequence[Utterance], on_no_speech: str = "error", jobs: int = 1
) -> tuple[list[str], np.ndarray, dict[str, str]]:
    """The ids and i-vectors float32 [N, R] of recordings, by `jobs` processes, and {id: why it has none} of the others.

    Raises JobError where no recording can be used.
    """
    batches = [utterances[begin : begin + BATCH] for begin in range(0, len(utterances), BATCH)]
    if jobs == 1 and not elsewhere():
        _start(model, on_no_speech)
        results: Iterable[_Extracted] = map(_extract, batches)
    else:
        results = map_processes(_extract, batches, jobs, _start, (model, on_no_speech), start="spawn")
    ids: list[str] = []
    found, failed = [], {}
    for some, vectors, reasons in progress(results, len(batches), "i-vectors"):
        ids += some
        found += [vectors] if some else []
        failed.update(reasons)
    if not found:
        raise JobError(f"no recording could be used; the first: {next(iter(failed.values()), 'there is none')}")
    return ids, np.concatenate(found).astype(np.float32), failed


def save_extractor(path: Path, extractor: IVectorExtractor, objective: float) -> None:
    """Writes all numbers of an extractor, whole or not at all."""
    mixture = extractor.mixture
    with atomic_path(path) as temporary:
        np.savez(
            temporary, weights=mixture.weights, means=mixture.means, covariances=mixture.covariances,
            matrix=extractor.matrix, offsets=extractor.offsets, residuals=extractor.residuals, objective=objective,
        )  # fmt: skip


def load_extractor(path: Path) -> IVectorExtractor:
    """What `save_extractor` wrote; a folder means its ivector.npz. Raises InputError where it cannot be read."""
    path = path / MODEL if path.is_dir() else path
    try:
        with np.load(path, allow_pickle=False) as found:
            mixture = Mixture(found["weights"], found["means"], found["covariances"])
            residuals = found.get("residuals")  # earlier ones kept those of the UBM
            return IVectorExtractor(mixture, found["matrix"], found["offsets"], residuals)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: no i-vector extractor ({error}); train one with `speakerssl ivector train`"
        ) from None


def _check_same_run(
    output: Path, utterances: Sequence[Utterance], options: IVectorOptions, on_no_speech: str, verify: str
) -> None:
    """Raises InputError where `output` was begun with other recordings or options, else notes those of this run."""
    # More iterations go on from those that are there.
    chosen = {key: value for key, value in asdict(options).items() if key != "iterations"}
    now = Identity.of(utterances, verify, {**chosen, "on_no_speech": on_no_speech})
    before = Identity.read(output)
    if before is None and (output / "frames.npz").exists():
        raise InputError(f"{output}: nothing says what its frames were made from; remove it or name another --output")
    if before is not None and (difference := now.difference(before)):
        raise InputError(f"{output}: was made from something else: {difference}; remove it or name another --output")
    now.write(output)


def iteration_path(output: Path, number: int) -> Path:
    """Where the extractor of an iteration, from 1, is kept."""
    return output / f"iteration-{number:02d}.npz"


def load_before(output: Path, options: IVectorOptions, number: int) -> IVectorExtractor:
    """The extractor that iteration `number` begins with."""
    if number > 1:
        return load_extractor(iteration_path(output, number - 1))
    with np.load(output / UBM) as found:
        mixture = Mixture(found["weights"], found["means"], found["covariances"])
    return start_extractor(mixture, options.dim, options.seed)


def _train_mixture(output: Path, store: FrameStore, options: IVectorOptions) -> None:
    path = output / UBM
    if path.exists():
        return
    frames = store.sample(options.ubm_frames, options.seed)
    full = options.full_iterations if options.covariance == "full" else 0
    mixture = train_mixture(frames, options.gaussians, options.ubm_iterations, full, options.seed)
    with atomic_path(path) as temporary:
        np.savez(temporary, weights=mixture.weights, means=mixture.means, covariances=mixture.covariances)


_Extracted = tuple[list[str], np.ndarray, dict[str, str]]
_worker: dict[str, Any] = {}


def _start(model: Path, on_no_speech: str) -> None:
    _worker.update(extractor=load_extractor(model), on_no_speech=on_no_speech)


def _extract(batch: Sequence[Utterance]) -> _Extracted:
    """ids, i-vectors and failures of a batch."""
    extractor: IVectorExtractor = _worker["extractor"]
    frames: dict[str, np.ndarray] = {}
    failed: dict[str, str] = {}
    for utterance in batch:
        try:
            frames[utterance.id] = checked_frames(utterance, _worker["on_no_speech"])
        except InputError as error:
            failed[utterance.id] = str(error)
    if not frames:
        return [], np.empty((0, extractor.dim)), failed
    found = whitened_statistics(extractor.mixture, frames.values(), extractor.residuals)
    return list(frames), extractor.extract(found), failed
