"""Enrolment models of several recordings, in Kaldi's files.

`spk2utt` holds `model recording recording ...` lines, `num_utts` holds `model count` lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.io import read_bytes, write_text
from speakerssl.trials.id_differences import strip_suffix


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

    def number(self, name: str) -> int | None:
        """The place of the model `name` in `ids`, None where there is no such model."""
        return self._numbers.get(name)

    def members(self, number: int) -> list[str]:
        """The recordings of model `number`."""
        return self.recordings[self.bounds[number] : self.bounds[number + 1]]

    def without_suffixes(self, suffixes: Sequence[str]) -> "EnrolmentModels":
        """The models with the endings `suffixes` dropped from the names of models and recordings."""
        names, recordings = ([strip_suffix(name, suffixes) for name in ids] for ids in (self.ids, self.recordings))
        return replace(self, ids=names, recordings=recordings)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return dict(zip(self.ids, range(len(self.ids))))


def read_enrolment(path: str | Path) -> EnrolmentModels:
    """Reads a Kaldi `spk2utt`.

    Raises InputError naming the line of a model that is empty, stands twice, or has a recording twice.
    """
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
        if len(set(members)) != len(members):
            twice = next(member for member in members if members.count(member) > 1)
            raise InputError(f"{path}:{number}: the recording '{twice}' stands twice in the model '{name}'")
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
        if not fields:
            continue
        if len(fields) != 2 or not fields[1].isdecimal() or int(fields[1]) < 1:
            raise InputError(f"{path}:{number}: expected 'model count', found '{line.strip()[:60]}'")
        if counts.get(fields[0], int(fields[1])) != int(fields[1]):
            raise InputError(f"{path}:{number}: the model '{fields[0]}' stands twice with two counts")
        counts[fields[0]] = int(fields[1])
    return counts


def write_num_utts(path: str | Path, models: EnrolmentModels) -> None:
    """Writes the recordings of each model as Kaldi's `num_utts`."""
    pairs = zip(models.ids, models.num_utts.tolist())
    write_text(path, "".join(f"{name} {count}\n" for name, count in pairs))


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
