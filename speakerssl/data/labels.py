"""Classes to train on: speakers of data directories, clusters or soft labels from a file, or every recording its own.

Only `method: {name: supervised, labels: ...}` reads them. A file has `recording class` lines (a utt2spk, or what
`speakerssl cluster` writes) or soft labels, `recording class share class share ...`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.data.kaldi import DataDir
from speakerssl.data.tables import read_float, read_rows
from speakerssl.errors import InputError

Shares = tuple[tuple[str, float], ...]  # the classes of one recording, which sum to 1


@dataclass(frozen=True)
class Labels:
    """Labels of N recordings: `names` [C] of the classes; `classes` int64 [N, K] and their `shares` float32 [N, K].

    K is 1 unless labels are soft; the first class of a row is its most likely one.
    """

    names: list[str]
    classes: np.ndarray
    shares: np.ndarray

    @property
    def hard(self) -> np.ndarray:
        """The most likely class of each recording, int64 [N]."""
        return self.classes[:, 0]

    @property
    def soft(self) -> bool:
        """Whether any recording has more than one class."""
        return self.classes.shape[1] > 1


def read_labels(source: str, directories: Iterable[DataDir], ids: Iterable[str]) -> dict[str, Shares]:
    """{recording: its classes} from `source`: 'utt2spk', 'recordings', or a file.

    Raises InputError where a data directory has no utt2spk, and for a malformed line of a file.
    """
    if source == "recordings":
        return {key: ((key, 1.0),) for key in ids}
    if source != "utt2spk":
        return {row.key: _shares(row.value, f"{source}:{row.line}") for row in read_rows(Path(source))}
    found: dict[str, Shares] = {}
    for directory in directories:
        if directory.utt2spk is None:
            raise InputError(f"{directory.path}/utt2spk: does not exist; give labels as a file, or `recordings`")
        found.update({key: ((speaker, 1.0),) for key, speaker in directory.utt2spk.items()})
    if not found:
        raise InputError("labels: utt2spk needs data.train to name data directories; with stores alone give a file")
    return found


def number_labels(ids: Sequence[str], table: Mapping[str, Shares]) -> Labels:
    """Labels of `ids`, all of which are in `table`; classes are numbered in the order of their sorted names.

    Raises InputError for fewer than two classes.
    """
    names = sorted({name for key in ids for name, _ in table[key]})
    if len(names) < 2:
        raise InputError(f"labels: {len(names)} class among {len(ids)} recordings; training needs two or more")
    numbers = {name: number for number, name in enumerate(names)}
    width = max(len(table[key]) for key in ids)
    classes, shares = np.zeros((len(ids), width), np.int64), np.zeros((len(ids), width), np.float32)
    for row, key in enumerate(ids):
        for column, (name, share) in enumerate(table[key]):
            classes[row, column], shares[row, column] = numbers[name], share
    return Labels(names, classes, shares)


def _shares(text: str, where: str) -> Shares:
    words = text.split()
    if len(words) == 1:
        return ((words[0], 1.0),)
    if len(words) % 2:
        raise InputError(f"{where}: expected 'recording class' or 'recording class share class share ...'")
    pairs = [(name, read_float(share, where, "share")) for name, share in zip(words[::2], words[1::2])]
    total = sum(share for _, share in pairs)
    if min(share for _, share in pairs) < 0 or total <= 0:
        raise InputError(f"{where}: shares must not be below 0, and one of them above it")
    return tuple(sorted(((name, share / total) for name, share in pairs), key=lambda pair: -pair[1]))
