"""`speakerssl ivector`: from recordings to an extractor on disk, and from there to embeddings; resumes at any step."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from speakerssl.clustering.gmm import Mixture, train_mixture
from speakerssl.clustering.ivector import (
    Batch,
    IVectorExtractor,
    em_step,
    start_extractor,
    whitened_statistics,
)
from speakerssl.clustering.ivector_features import FrameStore, checked_frames, store_frames
from speakerssl.data.kaldi import Utterance
from speakerssl.data.prepare import write_failures
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path, progress
from speakerssl.resume import Identity, output_lock

MODEL = "ivector.npz"
BATCH = 64  # recordings


@dataclass(frozen=True)
class IVectorOptions:
    """Sizes; the defaults are those of Kaldi's VoxCeleb recipe (verified), with its 500,000 frames for the UBM."""

    gaussians: int = 2048
    dim: int = 400
    covariance: str = "full"
    ubm_iterations: int = 20
    full_iterations: int = 4
    ubm_frames: int = 500_000
    iterations: int = 5
    max_recordings: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.covariance not in ("full", "diagonal"):
            raise InputError(f"covariance is 'full' or 'diagonal', not '{self.covariance}'")
        for name, value in asdict(self).items():
            if name not in ("covariance", "seed") and value < 1:
                raise InputError(f"{name} is {value}; it must be 1 or more")


def train_ivectors(
    output: Path,
    utterances: Sequence[Utterance],
    options: IVectorOptions,
    on_no_speech: str = "error",
    verify: str = "stat",
) -> tuple[list[float], dict[str, str]]:
    """Writes `output`/ivector.npz; (the objective of each EM iteration (see `em_step`), {id: why it was left out}).

    The UBM and each iteration are kept, so that a second call goes on where the first was stopped. No label is read.
    Raises InputError where `output` holds a run with other options or recordings, JobError where no recording can be
    used.
    """
    with output_lock(output):
        _check_same_run(output, utterances, options, on_no_speech, verify)
        store = store_frames(output, utterances, on_no_speech)
        write_failures(output, store.failed)
        mixture = _mixture(output, store, options)
        # The longest recordings, as Kaldi chooses them.
        longest = np.argsort(-np.diff(store.offsets), kind="stable")[: options.max_recordings]
        extractor, objectives = start_extractor(mixture, options.dim, options.seed), []
        for number in range(1, options.iterations + 1):
            path = output / f"iteration-{number:02d}.npz"
            if path.exists():
                extractor, objective = load_extractor(path), float(np.load(path)["objective"])
            else:
                extractor, objective = em_step(extractor, _batches(mixture, store, np.sort(longest), number))
                save_extractor(path, extractor, objective)
            objectives.append(objective)
        save_extractor(output / MODEL, extractor, objectives[-1])
    return objectives, store.failed


def extract_ivectors(
    extractor: IVectorExtractor, utterances: Sequence[Utterance], on_no_speech: str = "error"
) -> tuple[list[str], np.ndarray, dict[str, str]]:
    """The ids and i-vectors float32 [N, R] of recordings, and {id: why it has none} of the others.

    Raises JobError where no recording can be used.
    """
    ids: list[str] = []
    found, failed = [], {}
    for start in progress(range(0, len(utterances), BATCH), -(-len(utterances) // BATCH), "i-vectors"):
        frames = []
        for utterance in utterances[start : start + BATCH]:
            try:
                frames.append(checked_frames(utterance, on_no_speech))
                ids.append(utterance.id)
            except InputError as error:
                failed[utterance.id] = str(error)
        if frames:
            found.append(extractor.extract(whitened_statistics(extractor.mixture, frames)))
    if not found:
        raise JobError(f"no recording could be used; the first: {next(iter(failed.values()), 'there is none')}")
    return ids, np.concatenate(found).astype(np.float32), failed


def save_extractor(path: Path, extractor: IVectorExtractor, objective: float) -> None:
    """Writes all numbers of an extractor, whole or not at all."""
    mixture = extractor.mixture
    with atomic_path(path) as temporary:
        np.savez(
            temporary, weights=mixture.weights, means=mixture.means, covariances=mixture.covariances,
            matrix=extractor.matrix, offsets=extractor.offsets, objective=objective,
        )  # fmt: skip


def load_extractor(path: Path) -> IVectorExtractor:
    """What `save_extractor` wrote; a folder means its ivector.npz. Raises InputError where it cannot be read."""
    path = path / MODEL if path.is_dir() else path
    try:
        with np.load(path, allow_pickle=False) as found:
            mixture = Mixture(found["weights"], found["means"], found["covariances"])
            return IVectorExtractor(mixture, found["matrix"], found["offsets"])
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


def _mixture(output: Path, store: FrameStore, options: IVectorOptions) -> Mixture:
    path = output / "ubm.npz"
    if not path.exists():
        frames = store.sample(options.ubm_frames, options.seed)
        full = options.full_iterations if options.covariance == "full" else 0
        mixture = train_mixture(frames, options.gaussians, options.ubm_iterations, full, options.seed)
        with atomic_path(path) as temporary:
            np.savez(temporary, weights=mixture.weights, means=mixture.means, covariances=mixture.covariances)
    found = np.load(path)
    return Mixture(found["weights"], found["means"], found["covariances"])


def _batches(mixture: Mixture, store: FrameStore, chosen: np.ndarray, iteration: int) -> Iterator[Batch]:
    starts = range(0, len(chosen), BATCH)
    for start in progress(starts, len(starts), f"total variability, iteration {iteration}"):
        yield whitened_statistics(mixture, (store[int(number)] for number in chosen[start : start + BATCH]))
