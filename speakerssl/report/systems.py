"""The systems of a report: each one's scores on the same trials, and what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.metrics.roc import Roc, build_roc
from speakerssl.trials.id_differences import strip_suffixes
from speakerssl.trials.score_file import ScoredTrials, join, read_scored_trials, read_scores, strip_score_suffixes
from speakerssl.trials.trial_list import Trials, read_trials


@dataclass(frozen=True)
class System:
    """A name, the scores (float64 [T], in the order of `Systems.trials`) and the operating points they give."""

    name: str
    path: str
    scores: np.ndarray
    roc: Roc


@dataclass(frozen=True)
class Systems:
    """Systems on T trials that all of them scored.

    `skipped` are the pairs of the list, of `listed` trials, that one or another had no score for. Without ids (score
    files of `score label` lines) the trials are known by their line only.
    """

    trials: Trials
    labels: np.ndarray
    systems: tuple[System, ...]
    skipped: list[tuple[str, str]]
    listed: int
    has_ids: bool = True


def load_systems(
    score_files: Sequence[str | Path],
    names: Sequence[str] | None = None,
    trials_file: str | Path | None = None,
    skip_missing: bool = False,
    strip_suffix: Sequence[str] = (),
) -> Systems:
    """Reads the score files and brings them to one list of trials.

    Args:
        names: one for each file; the files' names without their suffixes when None.
        trials_file: the labelled list; when None, one score file with labels of its own.
        skip_missing: leave out trials that some file has no score for, for every system, so that all numbers stay
            comparable.

    Raises InputError: unreadable files, NaN, a trial without a score, one class only, names that do not match.
    """
    names = _check_names(score_files, names)
    if trials_file is None:
        if len(score_files) > 1:
            raise InputError("several score files need --trials LIST, the list that all of them scored")
        joined = [read_scored_trials(score_files[0], strip_suffix=strip_suffix)]
        listed = len(joined[0])
    else:
        trials = strip_suffixes(read_trials(trials_file), strip_suffix)
        trials.require_labels()
        listed = len(trials)
        joined = [
            join(strip_score_suffixes(read_scores(path), strip_suffix), trials, skip_missing) for path in score_files
        ]
        joined = _common(trials, joined)
    kept = joined[0].trials
    labels = kept.require_labels()
    systems = tuple(
        System(name, str(path), scored.scores, build_roc(scored.scores, labels, str(path)))
        for name, path, scored in zip(names, score_files, joined)
    )
    skipped = list(dict.fromkeys(pair for scored in joined for pair in scored.skipped))
    return Systems(kept, labels, systems, skipped, listed, has_ids=kept.enrol_ids != [""])


def _check_names(score_files: Sequence[str | Path], names: Sequence[str] | None) -> Sequence[str]:
    if names is None:
        names = [Path(path).name.removesuffix(".gz").rsplit(".", 1)[0] for path in score_files]
        if len(set(names)) < len(names):
            names = [str(path) for path in score_files]
    if len(names) != len(score_files):
        raise InputError(f"--names has {len(names)} names for {len(score_files)} score files; give one for each")
    if len(set(names)) < len(names):
        raise InputError(f"two systems are called '{next(n for n in names if list(names).count(n) > 1)}'; "
                         "give each its own name with --names")  # fmt: skip
    return names


def _common(trials: Trials, joined: list[ScoredTrials]) -> list[ScoredTrials]:
    """Every system reduced to the trials of the list that all of them have."""
    if not any(scored.skipped for scored in joined):
        return joined
    codes = _codes(trials)
    keep = np.ones(len(trials), bool)
    for scored in joined:
        if scored.skipped:
            keep &= np.isin(codes, _codes(scored.trials))
    if not keep.any():
        raise InputError(f"{trials.path}: there is no trial that every score file has a score for")
    reduced = []
    for scored in joined:
        own = np.isin(_codes(scored.trials), codes[keep])
        reduced.append(replace(scored, trials=scored.trials.select(own), scores=scored.scores[own]))
    return reduced


def _codes(trials: Trials) -> np.ndarray:
    return trials.enrol_index.astype(np.int64) * len(trials.test_ids) + trials.test_index
