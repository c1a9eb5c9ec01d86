"""Score files of any toolkit, and the scores of a trial list found in them whatever the order.

Read: `enrol test score`, `enrol test score label`, `score enrol test` (VoxSRC), `score label`, `label score`,
`enrol test label score` (SpeechBrain), wespeaker's eight columns, NIST's sides and headers, CSV and TSV; plain or gzip
(see `speakerssl.trials.layouts`). Written: `enrol test score`, plus the label where asked for. Every written score
reads back as the same float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.trials.headers import LABELS
from speakerssl.trials.id_differences import explain_mismatch, strip_suffixes
from speakerssl.trials.layouts import score_layout
from speakerssl.trials.pairs import find_pairs
from speakerssl.trials.score_writer import round_scores, write_scores
from speakerssl.trials.text_table import TextTable
from speakerssl.trials.trial_list import Trials, read_columns, read_trials

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
    layout = score_layout(table)
    assert layout.score is not None
    if layout.enrol is None:
        words = {} if layout.label is None else {layout.label: LABELS}
        _, (values,), labels = table.read((), [layout.score], words)
        trials, own = None, labels[0] if labels else None
    else:
        trials, found = read_columns(table, layout)
        assert found is not None
        values, own = found, trials.labels
    if not np.isfinite(values.min()) or not np.isfinite(values.max()):
        bad = np.flatnonzero(~np.isfinite(values))
        row = int(bad[0])
        raise InputError(
            f"{path}:{table.line(row)}: the score is {table.token(row, layout.score)} "
            f"({len(bad)} such); scores must be finite"
        )
    return Scores(values, own, trials, str(path))


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
    if _same_pairs(scores.trials, trials):
        return ScoredTrials(trials, scores.values, [], scores.path)
    have = _pair_codes(scores.trials, trials)
    want = trials.pair_codes()
    rows, clash = find_pairs(have, scores.values, want)
    if clash >= 0:
        enrol, test = scores.trials.pair(clash)
        raise InputError(f"{scores.path}: the pair '{enrol} {test}' stands there with two different scores")
    missing = rows < 0
    skipped: list[tuple[str, str]] = []
    if missing.any():
        if not skip_missing or missing.all():
            raise InputError(_missing_message(scores, trials, missing))
        skipped = [trials.pair(row) for row in np.flatnonzero(missing).tolist()]
        trials, rows = trials.select(~missing), rows[~missing]
    return ScoredTrials(trials, scores.values[rows], skipped, scores.path)


def _same_pairs(one: Trials, other: Trials) -> bool:
    """Whether two lists have the same pairs in the same order."""
    if len(one) != len(other):
        return False
    same = (one.enrol_ids, one.test_ids) == (other.enrol_ids, other.test_ids)
    sides = ((one.enrol_index, other.enrol_index), (one.test_index, other.test_index))
    if same:  # no numbers of pairs are needed, 320 MB for twenty million
        return all(np.array_equal(ours, theirs) for ours, theirs in sides)
    return np.array_equal(_pair_codes(one, other), other.pair_codes())


def _pair_codes(of: Trials, within: Trials) -> np.ndarray:
    """One number a pair of `of`, in the numbering of the ids of `within`; -1 where a side is unknown there."""
    if of.enrol_ids == within.enrol_ids and of.test_ids == within.test_ids:
        return of.pair_codes()
    enrol, test = (_numbers_in(*ids) for ids in ((of.enrol_ids, within.enrol_ids), (of.test_ids, within.test_ids)))
    codes = (enrol * len(within.test_ids))[of.enrol_index]
    codes += test[of.test_index]
    if (enrol < 0).any() or (test < 0).any():
        codes[(enrol < 0)[of.enrol_index] | (test < 0)[of.test_index]] = -1
    return codes


def _numbers_in(ours: list[str], theirs: list[str]) -> np.ndarray:
    """The place in `theirs` of each of `ours`, int64; -1 where it is not there."""
    number = dict(zip(theirs, range(len(theirs))))
    return np.fromiter((number.get(name, -1) for name in ours), np.int64, len(ours))


def _missing_message(scores: Scores, trials: Trials, missing: np.ndarray) -> str:
    row = int(np.flatnonzero(missing)[0])
    enrol, test = trials.pair(row)
    count = int(np.count_nonzero(missing))
    if count == len(trials):
        assert scores.trials is not None
        cure = explain_mismatch(
            [*trials.enrol_ids, *trials.test_ids], [*scores.trials.enrol_ids, *scores.trials.test_ids]
        )
        return f"{scores.path}: holds none of the pairs of {trials.path}: {cure}"
    line = TextTable(trials.path).line(row) if Path(trials.path).is_file() else row + 1
    return (
        f"{scores.path}: no score for '{enrol} {test}' ({trials.path}:{line}; {count} such); "
        "--skip-missing leaves them out"
    )


def strip_score_suffixes(scores: Scores, suffixes: Sequence[str]) -> Scores:
    """The scores with `suffixes` dropped from their ids, where they have ids."""
    return scores if scores.trials is None else replace(scores, trials=strip_suffixes(scores.trials, suffixes))


def read_scored_trials(
    scores_path: str | Path,
    trials_path: str | Path | None = None,
    skip_missing: bool = False,
    strip_suffix: Sequence[str] = (),
) -> ScoredTrials:
    """Scores joined to a trial list; without a list, the score file's own labels (and ids, where it has them).

    The endings `strip_suffix` (such as `.wav`) are dropped from the ids of both sides.
    """
    scores = strip_score_suffixes(read_scores(scores_path), strip_suffix)
    if trials_path is not None:
        return join(scores, strip_suffixes(read_trials(trials_path), strip_suffix), skip_missing)
    if scores.labels is None:
        raise InputError(f"{scores_path}: has no labels; name the trial list with --trials")
    trials = scores.trials
    if trials is None:
        rows = np.zeros(len(scores), np.int32)
        trials = Trials([""], [""], rows, rows, scores.labels, scores.path)
    return ScoredTrials(trials, scores.values, [], scores.path)
