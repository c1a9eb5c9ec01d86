"""Enrolment models of several recordings: one averaged embedding a model, or the average of its scores.

Files are Kaldi's: `spk2utt` (`model recording recording ...`) and `num_utts` (`model count`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.io import read_bytes, write_text
from speakerssl.scoring.cosine import cosine_pairs, unit_rows
from speakerssl.trials.score_writer import round_scores
from speakerssl.trials.trial_list import Trials


@dataclass(frozen=True)
class EnrolmentModels:
    """M models: recordings `recordings[bounds[m]:bounds[m + 1]]` belong to `ids[m]`; `path` is the file."""

    ids: list[str]
    recordings: list[str]
    bounds: np.ndarray
    path: str = ""

    @property
    def num_utts(self) -> np.ndarray:
        """Recordings of each model, int64 [M]."""
        return np.diff(self.bounds)


def read_enrolment(path: str | Path) -> EnrolmentModels:
    """Reads a Kaldi `spk2utt`. Raises InputError naming the line of a model that is empty or stands twice."""
    ids: list[str] = []
    recordings: list[str] = []
    bounds = [0]
    known: set[str] = set()
    for number, line in enumerate(read_bytes(path).decode(errors="replace").splitlines(), 1):
        name, *members = line.split() or [""]
        if not name:
            continue
        if not members:
            raise InputError(f"{path}:{number}: the model '{name}' has no recordings")
        if name in known:
            raise InputError(f"{path}:{number}: the model '{name}' stands twice")
        known.add(name)
        ids.append(name)
        recordings += members
        bounds.append(len(recordings))
    if not ids:
        raise InputError(f"{path}: is empty")
    return EnrolmentModels(ids, recordings, np.array(bounds), str(path))


def read_num_utts(path: str | Path) -> dict[str, int]:
    """Reads a Kaldi `num_utts`. Raises InputError naming the line that is not `model count`."""
    counts: dict[str, int] = {}
    for number, line in enumerate(read_bytes(path).decode(errors="replace").splitlines(), 1):
        fields = line.split()
        if len(fields) != 2 or not fields[1].isdigit() or int(fields[1]) < 1:
            raise InputError(f"{path}:{number}: expected 'model count', found '{line.strip()}'")
        counts[fields[0]] = int(fields[1])
    return counts


def write_num_utts(path: str | Path, models: EnrolmentModels) -> None:
    """Writes the recordings of each model as Kaldi's `num_utts`."""
    pairs = zip(models.ids, models.num_utts.tolist())
    write_text(path, "".join(f"{name} {count}\n" for name, count in pairs))


def average_embeddings(models: EnrolmentModels, embeddings: Embeddings) -> Embeddings:
    """One embedding a model: the mean of its length-normalized recordings, length-normalized.

    Raises InputError naming the model file for a recording without an embedding, or a mean of zero.
    """
    rows = _recording_rows(models, embeddings)
    units = unit_rows(embeddings.matrix[rows])
    means = unit_rows(np.add.reduceat(units.astype(np.float64), models.bounds[:-1], axis=0).astype(np.float32))
    empty = np.flatnonzero(~means.any(axis=1))
    if len(empty):
        raise InputError(f"{models.path}: the embeddings of '{models.ids[empty[0]]}' average to zero")
    return Embeddings(models.ids, means, models.path)


def average_scores(
    trials: Trials, models: EnrolmentModels, embeddings: Embeddings, enrol: Embeddings | None = None
) -> np.ndarray:
    """Mean cosine [N] of each trial's test recording with all recordings of its enrolment model.

    The models' recordings are looked up in `enrol` where it is given, else in `embeddings` like the test side.
    Raises InputError for an unknown model, or a recording without an embedding.
    """
    enrol = enrol or embeddings
    rows = _recording_rows(models, enrol)
    number = {name: m for m, name in enumerate(models.ids)}
    unknown = next((name for name in trials.enrol_ids if name not in number), None)
    if unknown is not None:
        raise InputError(f"{models.path}: has no model '{unknown}', which {trials.path} asks for")
    model = np.array([number[name] for name in trials.enrol_ids], np.int64)[trials.enrol_index]
    test = embeddings.index(trials.test_ids)[trials.test_index]
    # A mean of cosines is a dot product with the mean of the unit vectors: no need for every single score.
    units = unit_rows(enrol.matrix[rows]).astype(np.float64)
    sums = np.add.reduceat(units, models.bounds[:-1], axis=0)
    means = sums / models.num_utts[:, None]
    lengths = np.linalg.norm(means, axis=1)
    directions = cosine_pairs(means.astype(np.float32), embeddings.matrix, model, test)
    return round_scores(np.where(lengths[model] > 0, directions * lengths[model], 0.0))


def without_missing(models: EnrolmentModels, embeddings: Embeddings) -> tuple[EnrolmentModels, list[str]]:
    """The models with only those recordings that have an embedding, and the recordings left out.

    A model without any is left out too. Raises InputError where nothing is left.
    """
    known = np.fromiter((name in embeddings.rows for name in models.recordings), np.bool_, len(models.recordings))
    sizes = np.add.reduceat(known.astype(np.int64), models.bounds[:-1])
    missing = [name for name, there in zip(models.recordings, known.tolist()) if not there]
    if not known.any():
        raise InputError(f"{embeddings.path}: has none of the recordings of {models.path}")
    ids = [name for name, size in zip(models.ids, sizes.tolist()) if size]
    recordings = [name for name, there in zip(models.recordings, known.tolist()) if there]
    bounds = np.concatenate([[0], np.cumsum(sizes[sizes > 0])])
    return EnrolmentModels(ids, recordings, bounds, models.path), missing


def _recording_rows(models: EnrolmentModels, embeddings: Embeddings) -> np.ndarray:
    try:
        return embeddings.index(models.recordings)
    except InputError as error:
        raise InputError(f"{error}, which {models.path} asks for") from None
