"""Trial lists in all the usual forms, plain or gzip.

`1 enrol test` (VoxCeleb), `enrol test target|nontarget` (Kaldi), `enrol test 0|1`, `enrol test` without labels, NIST's
lists with their header and sides, and CSV or TSV; which one is found from the file, never from its name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import remark
from speakerssl.trials.headers import LABELS
from speakerssl.trials.layouts import Layout, joined_sides, trial_layout
from speakerssl.trials.pairs import count_repeats
from speakerssl.trials.text_table import TextTable


@dataclass(frozen=True)
class Trials:
    """N trials: distinct ids of each side, which of them each trial compares, and what is true where it is known.

    `enrol_index` and `test_index` are int32 [N] into `enrol_ids` and `test_ids`; `labels` is int8 [N], 1 for target
    and 0 for non-target, or None; `path` is the list's file, for messages.
    """

    enrol_ids: list[str]
    test_ids: list[str]
    enrol_index: np.ndarray
    test_index: np.ndarray
    labels: np.ndarray | None
    path: str = ""

    def __len__(self) -> int:
        return len(self.enrol_index)

    def select(self, rows: np.ndarray) -> "Trials":
        """The trials at `rows` (a mask or indices); the tables of ids stay whole."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, enrol_index=self.enrol_index[rows], test_index=self.test_index[rows], labels=labels)

    def compact(self) -> "Trials":
        """The same trials without the ids that none of them has (left by `select`), in their order."""
        enrol, enrol_index = np.unique(self.enrol_index, return_inverse=True)
        test, test_index = np.unique(self.test_index, return_inverse=True)
        return replace(
            self,
            enrol_ids=[self.enrol_ids[row] for row in enrol.tolist()],
            test_ids=[self.test_ids[row] for row in test.tolist()],
            enrol_index=enrol_index.astype(np.int32),
            test_index=test_index.astype(np.int32),
        )

    def pair_codes(self) -> np.ndarray:
        """One number for the pair of each trial, int64 [N]."""
        codes = self.enrol_index.astype(np.int64)
        codes *= len(self.test_ids)
        codes += self.test_index
        return codes

    def renamed(self, change: Callable[[str], str]) -> "Trials":
        """The same trials with `change` applied to every id."""
        enrol_ids, enrol = _merged([change(name) for name in self.enrol_ids])
        test_ids, test = _merged([change(name) for name in self.test_ids])
        return replace(
            self, enrol_ids=enrol_ids, test_ids=test_ids, enrol_index=enrol[self.enrol_index],
            test_index=test[self.test_index],
        )  # fmt: skip

    def pair(self, row: int) -> tuple[str, str]:
        """The enrolment and test id of one trial."""
        return self.enrol_ids[self.enrol_index[row]], self.test_ids[self.test_index[row]]

    def require_labels(self) -> np.ndarray:
        """The labels; InputError where the list has none or only one class."""
        if self.labels is None:
            raise InputError(f"{self.path}: has no labels; metrics need '1 enrol test' or 'enrol test target'")
        targets = int(np.count_nonzero(self.labels))
        if targets in (0, len(self.labels)):
            kind = "non-target" if targets == 0 else "target"
            raise InputError(f"{self.path}: holds {kind} trials only; metrics need both classes")
        return self.labels


def _merged(names: list[str]) -> tuple[list[str], np.ndarray]:
    """The distinct names in order of appearance, and the number of each, int32."""
    number: dict[str, int] = {}
    index = np.array([number.setdefault(name, len(number)) for name in names], np.int32)
    return list(number), index


def read_trials(path: str | Path) -> Trials:
    """Reads a trial list. Raises InputError naming the file and line of a row that does not fit the others.

    A trial that stands there twice is remarked upon; one that stands there with both labels is an error.
    """
    table = TextTable(path)
    trials, _ = read_columns(table, trial_layout(table))
    check_repeats(trials, table)
    return trials


def read_columns(table: TextTable, layout: Layout) -> tuple[Trials, np.ndarray | None]:
    """The trials of a table with ids (NIST's sides joined to the test id), and its scores where it has them."""
    assert layout.enrol is not None
    assert layout.test is not None
    sides = [] if layout.side is None else [layout.side]
    words = {} if layout.label is None else {layout.label: LABELS}
    scores = [] if layout.score is None else [layout.score]
    ids, numbers, labels = table.read([layout.enrol, layout.test, *sides], scores, words)
    test = joined_sides(ids[1], ids[2]) if sides else ids[1]
    trials = Trials(ids[0][0], test[0], ids[0][1], test[1], labels[0] if labels else None, table.path)
    return trials, numbers[0] if numbers else None


def check_repeats(trials: Trials, table: TextTable) -> None:
    """Says how many trials stand in a list more than once. Raises InputError for a pair with both labels."""
    codes = trials.pair_codes()
    codes.sort()
    if not (codes[1:] == codes[:-1]).any():
        return
    repeats = count_repeats(trials.pair_codes(), trials.labels)
    if repeats.clashes:
        first, second = repeats.clash
        raise InputError(
            f"{trials.path}:{table.line(second)}: '{' '.join(trials.pair(second))}' contradicts line "
            f"{table.line(first)}, where its label is another; {repeats.clashes} such"
        )
    row = repeats.first
    remark(
        f"{trials.path}:{table.line(row)}: '{' '.join(trials.pair(row))}' stands there more than once; "
        f"{repeats.total} such repeated trials count each time"
    )
