"""Trial lists in all the usual forms, plain or gzip.

`1 enrol test` (VoxCeleb), `enrol test target|nontarget` (Kaldi), `enrol test 0|1`, and `enrol test` without labels;
which one is found from the whole file, never from its name.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import run_all
from speakerssl.trials.text_table import TextTable

LABELS = {"1": 1, "0": 0, "target": 1, "nontarget": 0, "tgt": 1, "imp": 0}


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


def read_trials(path: str | Path) -> Trials:
    """Reads a trial list. Raises InputError naming the file and line of a row that does not fit the others."""
    table = TextTable(path)
    return trials_from_table(table, *_layout(table))


def _layout(table: TextTable) -> tuple[int, int, np.ndarray | None]:
    """The columns of enrolment and test, and the labels."""
    if table.columns == 2:
        return 0, 1, None
    if table.columns == 3:
        last = table.words(2, LABELS)
        first = table.words(0, LABELS)
        if first is not None and (last is None or not _is_word(table.token(0, 2))):
            return 1, 2, first
        if last is not None:
            return 0, 1, last
        _complain(table)
    raise InputError(
        f"{table.path}:{table.line(0)}: {table.columns} columns; a trial is '1 enrol test', "
        "'enrol test target|nontarget', 'enrol test 0|1' or 'enrol test'"
    )


def _is_word(token: str) -> bool:
    return token in LABELS and not token.isdigit()


def _complain(table: TextTable) -> None:
    """Names the first line whose label is not one, where the first line shows in which column labels stand."""
    column = next((c for c in (0, 2) if table.token(0, c) in LABELS), None)
    if column is None:
        return
    tokens, index = table.distinct(column)
    row = int(np.flatnonzero(np.array([token not in LABELS for token in tokens])[index])[0])
    raise InputError(
        f"{table.path}:{table.line(row)}: '{table.token(row, column)}' is no label (1, 0, target or nontarget)"
    )


def trials_from_table(table: TextTable, enrol: int, test: int, labels: np.ndarray | None) -> Trials:
    """Trials whose ids stand in the columns `enrol` and `test` of `table`."""
    (enrol_ids, enrol_index), (test_ids, test_index) = run_all(
        [lambda: table.distinct(enrol), lambda: table.distinct(test)]
    )
    return Trials(enrol_ids, test_ids, enrol_index, test_index, labels, table.path)
