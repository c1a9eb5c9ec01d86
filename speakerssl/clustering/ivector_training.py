"""`speakerssl ivector`: from recordings to an extractor on disk, and from there to embeddings; resumes at any step."""

import json
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
from speakerssl.clustering.ivector_features import FrameStore, speech_frames, store_frames
from speakerssl.data.kaldi import Utterance
from speakerssl.errors import InputError
from speakerssl.io import atomic_path, progress, write_text

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


def train_ivectors(output: Path, utterances: Sequence[Utterance], options: IVectorOptions) -> list[float]:
    """Writes `output`/ivector.npz; returns the objective of each EM iteration (see `em_step`).

    The UBM and each iteration are kept, so that a second call goes on where the first was stopped. No label is read.
    Raises InputError where `output` holds a run with other options or recordings.
    """
    output.mkdir(parents=True, exist_ok=True)
    _check_same_run(output, options)
    store = store_frames(output, utterances)
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
    return objectives


def extract_ivectors(extractor: IVectorExtractor, utterances: Sequence[Utterance]) -> np.ndarray:
    """i-vectors float32 [N, R] of recordings. Raises AudioError for an unreadable one."""
    found = []
    for start in progress(range(0, len(utterances), BATCH), -(-len(utterances) // BATCH), "i-vectors"):
        frames = [speech_frames(utterance.read()) for utterance in utterances[start : start + BATCH]]
        found.append(extractor.extract(whitened_statistics(extractor.mixture, frames)))
    return np.concatenate(found).astype(np.float32)


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


def _check_same_run(output: Path, options: IVectorOptions) -> None:
    path, mine = output / "options.json", asdict(options)
    if not path.exists():
        write_text(path, json.dumps(mine, indent=1) + "\n")
    theirs = json.loads(path.read_text(encoding="utf-8"))
    # More iterations go on from those that are there.
    changed = [key for key in mine if key != "iterations" and theirs.get(key) != mine[key]]
    if changed:
        raise InputError(
            f"{path}: '{changed[0]}' was {theirs.get(changed[0])}; give another --output or remove that folder"
        )


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
