"""Score files of any toolkit, and the scores of a trial list found in them whatever the order.

Read: `enrol test score`, `enrol test score label`, `score enrol test` (VoxSRC), `score label`, `label score`; plain or
gzip. Written: `enrol test score`, plus the label where asked for. Every written score reads back as the same float64.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.trials.score_writer import round_scores, write_scores
from speakerssl.trials.text_table import TextTable
from speakerssl.trials.trial_list import LABELS, Trials, read_trials, trials_from_table

__all__ = [
    "ScoredTrials",
    "Scores",
    "join",
    "read_scored_trials",
    "read_scores",
    "round_scores",
    "write_scores",
]


@dataclass(frozen=True)
class Scores:
    """Scores of one file: `values` float64 [N]; `trials` says of which pairs, or is None for `score label` files."""

    values: np.ndarray
    labels: np.ndarray | None
    trials: Trials | None
    path: str = ""

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class ScoredTrials:
    """Trials with a score each (float64 [N], same order), and the pairs of the list that had none."""

    trials: Trials
    scores: np.ndarray
    skipped: list[tuple[str, str]]
    path: str = ""

    def __len__(self) -> int:
        return len(self.scores)


def read_scores(path: str | Path) -> Scores:
    """Reads a score file. Raises InputError naming file and line: no score column, NaN or infinity, uneven columns."""
    table = TextTable(path)
    score, enrol, label = _layout(table)
    values = table.numbers(score)
    assert values is not None  # _layout has parsed this column
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(
            f"{path}:{table.line(int(bad[0]))}: the score is {table.token(int(bad[0]), score)} "
            f"({len(bad)} such); scores must be finite"
        )
    labels = None if label is None else table.words(label, LABELS)
    trials = None if enrol is None else trials_from_table(table, enrol, enrol + 1, labels)
    return Scores(values, labels, trials, str(path))


def _layout(table: TextTable) -> tuple[int, int | None, int | None]:
    """Columns of the score, of the enrolment id (the test id follows it) and of the label."""
    if table.columns == 2:
        for score, label in ((0, 1), (1, 0)):
            if table.words(label, LABELS) is not None and table.numbers(score) is not None:
                return score, None, label
    if table.columns == 3:
        last, first = table.numbers(2) is not None, table.numbers(0) is not None
        # Ids may be numbers too; only a score has a decimal point.
        if last and not (first and "." in table.token(0, 0) and "." not in table.token(0, 2)):
            return 2, 0, None
        if first:
            return 0, 1, None
    if table.columns == 4:
        if table.numbers(2) is not None and table.words(3, LABELS) is not None:
            return 2, 0, 3
        if table.numbers(3) is not None and table.words(0, LABELS) is not None:
            return 3, 1, 0
    raise InputError(
        f"{table.path}:{_odd_line(table)}: not a score; expected 'enrol test score [label]', "
        "'score enrol test' or 'score label' on every line"
    )


def _odd_line(table: TextTable) -> int:
    """The first line whose score is no number where the first line has one; else line 1."""
    for column in range(table.columns - 1, -1, -1):
        if _is_number(table.token(0, column)) and not table.token(0, column).isdigit():
            for row in range(table.rows):
                if not _is_number(table.token(row, column)):
                    return table.line(row)
    return table.line(0)


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def join(scores: Scores, trials: Trials, skip_missing: bool = False) -> ScoredTrials:
    """The score of every trial, found by its pair of ids.

    A `score label` file has no ids: it must be as long as the list and is taken in its order. Raises InputError for a
    trial without a score (naming its line; with `skip_missing` it is listed instead), and for a pair that has two
    different scores.
    """
    if scores.trials is None:
        if len(scores) != len(trials):
            raise InputError(
                f"{scores.path}: {len(scores)} scores without ids for the {len(trials)} trials of {trials.path}"
            )
        return ScoredTrials(trials, scores.values, [], scores.path)
    have = _pair_codes(scores.trials, trials)
    want = trials.enrol_index.astype(np.int64) * len(trials.test_ids) + trials.test_index
    if len(have) == len(want) and np.array_equal(have, want):
        return ScoredTrials(trials, scores.values, [], scores.path)
    order = np.argsort(have, kind="stable")
    ranked = have[order]
    _refuse_conflicts(scores, ranked, order)
    place = np.minimum(np.searchsorted(ranked, want), len(ranked) - 1)
    missing = ranked[place] != want
    skipped: list[tuple[str, str]] = []
    if missing.any():
        skipped = [trials.pair(row) for row in np.flatnonzero(missing).tolist()]
        if not skip_missing or missing.all():
            raise InputError(_missing_message(scores, trials, missing))
        trials, place = trials.select(~missing), place[~missing]
    return ScoredTrials(trials, scores.values[order[place]], skipped, scores.path)


def _pair_codes(of: Trials, within: Trials) -> np.ndarray:
    """One number a pair of `of`, in the numbering of the ids of `within`; -1 where a side is unknown there."""
    sides = []
    for ours, theirs, index in (
        (of.enrol_ids, within.enrol_ids, of.enrol_index),
        (of.test_ids, within.test_ids, of.test_index),
    ):
        if ours == theirs:
            sides.append(index.astype(np.int64))
            continue
        number = dict(zip(theirs, range(len(theirs))))
        known = np.fromiter((number.get(name, -1) for name in ours), np.int64, len(ours))
        sides.append(known[index])
    codes = sides[0] * len(within.test_ids) + sides[1]
    return np.where((sides[0] < 0) | (sides[1] < 0), -1, codes)


def _refuse_conflicts(scores: Scores, ranked: np.ndarray, order: np.ndarray) -> None:
    values = scores.values[order]
    clash = np.flatnonzero((ranked[1:] == ranked[:-1]) & (values[1:] != values[:-1]) & (ranked[1:] >= 0))
    if len(clash) and scores.trials is not None:
        enrol, test = scores.trials.pair(int(order[clash[0]]))
        raise InputError(f"{scores.path}: the pair '{enrol} {test}' stands there with two different scores")


def _missing_message(scores: Scores, trials: Trials, missing: np.ndarray) -> str:
    row = int(np.flatnonzero(missing)[0])
    enrol, test = trials.pair(row)
    count = int(np.count_nonzero(missing))
    if count == len(trials):
        return f"{scores.path}: holds none of the pairs of {trials.path} (its first is '{enrol} {test}')"
    line = TextTable(trials.path).line(row) if Path(trials.path).is_file() else row + 1
    return (
        f"{scores.path}: no score for '{enrol} {test}' ({trials.path}:{line}; {count} such); "
        "--skip-missing leaves them out"
    )


def read_scored_trials(
    scores_path: str | Path, trials_path: str | Path | None = None, skip_missing: bool = False
) -> ScoredTrials:
    """Scores joined to a trial list; without a list, the score file's own labels (and ids, where it has them)."""
    scores = read_scores(scores_path)
    if trials_path is not None:
        return join(scores, read_trials(trials_path), skip_missing)
    if scores.labels is None:
        raise InputError(f"{scores_path}: has no labels; name the trial list with --trials")
    trials = scores.trials
    if trials is None:
        rows = np.zeros(len(scores), np.int32)
        trials = Trials([""], [""], rows, rows, scores.labels, scores.path)
    return ScoredTrials(trials, scores.values, [], scores.path)
