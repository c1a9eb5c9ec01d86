"""From score files to summaries and comparisons: what the verbs `metrics` and `compare` call."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.errors import InputError
from speakerssl.metrics.comparison import compare
from speakerssl.metrics.suite import MetricSuite
from speakerssl.metrics.summary import SummaryOptions, summarize
from speakerssl.trials.id_differences import strip_suffixes
from speakerssl.trials.score_file import ScoredTrials, join, read_scored_trials, read_scores, strip_score_suffixes
from speakerssl.trials.speakers import TrialSpeakers, read_utt2spk, strip_utt2spk, trial_speakers
from speakerssl.trials.trial_list import Trials, read_trials


def summarize_file(
    scores: str | Path,
    trials: str | Path | None = None,
    options: SummaryOptions | None = None,
    utt2spk: str | Path | None = None,
    skip_missing: bool = False,
    strip_suffix: Sequence[str] = (),
) -> dict[str, Any]:
    """`summarize` of a score file, joined to `trials` where they are given, else with its own labels.

    Adds `scores_file`, `trials_file`, `skipped` and the first 100 `skipped_pairs`. Raises InputError for what is wrong
    with a file, and where intervals are asked for and the speakers cannot be told.
    """
    options = options or SummaryOptions()
    scored = read_scored_trials(scores, trials, skip_missing, strip_suffix)
    if scored.skipped:
        scored = replace(scored, trials=scored.trials.compact())
    table = strip_utt2spk(read_utt2spk(utt2spk) if utt2spk is not None else None, strip_suffix)
    speakers = known_speakers(scored, table, required=options.bootstrap > 0 or table is not None)
    labels = scored.trials.require_labels()
    summary = summarize(scored.scores, labels, options, scored.trials, speakers, table)
    return {
        "scores_file": str(scores),
        "trials_file": scored.trials.path,
        "skipped": len(scored.skipped),
        "skipped_pairs": [list(pair) for pair in scored.skipped[:100]],
        **summary,
    }


def known_speakers(scored: ScoredTrials, utt2spk: dict[str, str] | None, required: bool = True) -> TrialSpeakers | None:
    """The speakers of the trials; None where they cannot be told and are not `required`."""
    try:
        return trial_speakers(scored.trials, utt2spk)
    except InputError:
        if required:
            raise
        return None


def compare_files(
    first: str | Path,
    second: str | Path,
    trials: str | Path,
    options: SummaryOptions,
    utt2spk: str | Path | None = None,
    skip_missing: bool = False,
    strip_suffix: Sequence[str] = (),
) -> dict[str, Any]:
    """The paired comparison of two score files on one list; with `skip_missing` on the trials that both scored."""
    pairs = strip_suffixes(read_trials(trials), strip_suffix)
    read = [strip_score_suffixes(read_scores(path), strip_suffix) for path in (first, second)]
    one, other = (join(scores, pairs, skip_missing) for scores in read)
    kept = pairs
    if one.skipped or other.skipped:
        kept = _common(one, other).compact()
        one, other = (join(scores, kept) for scores in read)
    labels = kept.require_labels()
    table = strip_utt2spk(read_utt2spk(utt2spk) if utt2spk is not None else None, strip_suffix)
    speakers = trial_speakers(kept, table)
    suite = MetricSuite(options.p_targets, options.c_miss, options.c_fa, options.false_alarms)
    arrays = one.scores, other.scores, labels, speakers
    found = compare(*arrays, suite, options.bootstrap, options.seed, options.level)
    return {
        "first": str(first),
        "second": str(second),
        "trials_file": str(trials),
        "trials": len(kept),
        "skipped": len(pairs) - len(kept),
        "speakers": len(speakers.names),
        "replicates": options.bootstrap,
        "seed": options.seed,
        "level": options.level,
        "p_target": options.p_targets[0],
        "differences": {name: asdict(difference) for name, difference in found.items()},
        "definition": f"difference = second - first on the same trials, costs at c_miss {options.c_miss:g} and c_fa "
        f"{options.c_fa:g}; interval and two-sided p-value from {options.bootstrap} draws of speakers, the same draws "
        "for both systems. Lower is better but for auc, precision and recall.",
    }


def _common(one: ScoredTrials, other: ScoredTrials) -> Trials:
    """The trials of `one` that `other` has too."""
    width = len(one.trials.test_ids)
    codes = [scored.trials.enrol_index.astype(np.int64) * width + scored.trials.test_index for scored in (one, other)]
    return one.trials.select(np.isin(codes[0], codes[1]))
