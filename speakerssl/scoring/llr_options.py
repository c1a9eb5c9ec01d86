"""What calibration and fusion share: labels, quality measures, what is trained for, held-out speakers, the result."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.calibration import Calibration, save_calibration
from speakerssl.scoring.missing import write_skipped
from speakerssl.scoring.quality import norm_quality, quality_inputs, read_quality
from speakerssl.trials.id_differences import strip_suffix, strip_suffixes
from speakerssl.trials.score_file import (
    ScoredTrials,
    join,
    read_scores,
    round_scores,
    strip_score_suffixes,
    write_scores,
)
from speakerssl.trials.speakers import TrialSpeakers, read_utt2spk, strip_utt2spk, trial_speakers
from speakerssl.trials.trial_list import Trials, read_trials


@dataclass(frozen=True)
class LlrOptions:
    """Files and numbers of a calibration or fusion.

    A model is trained on the labels of `trials` (None: of the score file) for the target `prior`, or loaded;
    `qualities` are (name, file) of measures of recordings, `quality_norm` embeddings whose norm is one more. With
    `cross_validate` the log-likelihood ratio of each trial comes from a model that saw neither of its speakers (see
    `folds.cross_validate`). `save` and `output` are the files to write. The endings `strip_suffix` are dropped from all
    ids.
    """

    trials: str | None = None
    prior: float = 0.5
    qualities: Sequence[tuple[str, str]] = ()
    quality_norm: str | None = None
    save: str | None = None
    load: str | None = None
    output: str | None = None
    cross_validate: bool = False
    folds: int = 5
    utt2spk: str | None = None
    seed: int = 0
    skip_missing: bool = False
    strip_suffix: Sequence[str] = ()

    def check(self) -> None:
        """Raises InputError for combinations that make no sense."""
        if self.load and (self.save or self.cross_validate):
            raise InputError("--load applies a model; --save and --cross-validate train one")
        if not (self.save or self.output):
            raise InputError("nothing to write: give --output for scores, --save for the model, or both")

    def quality_columns(self, trials: Trials) -> tuple[list[str], np.ndarray]:
        """Names and values [T, Q] of the quality inputs of `trials` (see `quality_inputs`)."""
        measures = {name: read_quality(path) for name, path in self.qualities}
        if self.quality_norm:
            measures["norm"] = norm_quality(read_embeddings(self.quality_norm))
        for name, values in measures.items():
            measures[name] = {strip_suffix(recording, self.strip_suffix): value for recording, value in values.items()}
        return quality_inputs(trials, measures)

    def held_out_speakers(self, trials: Trials) -> TrialSpeakers | None:
        """The speakers of `trials`, where cross-validation asks for them."""
        if not self.cross_validate:
            return None
        utt2spk = read_utt2spk(self.utt2spk) if self.utt2spk else None
        return trial_speakers(trials, strip_utt2spk(utt2spk, self.strip_suffix))

    def read_scored(self, path: str, reference: Trials | None = None) -> ScoredTrials:
        """The scores in `path` of a trial list (`reference`, or that of the options), or of its own pairs.

        Raises InputError where labels or ids are needed and missing.
        """
        scores = strip_score_suffixes(read_scores(path), self.strip_suffix)
        if reference is None and self.trials:
            reference = strip_suffixes(read_trials(self.trials), self.strip_suffix)
        if reference is not None:
            joined = join(scores, reference, self.skip_missing)
            return replace(joined, trials=joined.trials.compact()) if joined.skipped else joined
        if scores.trials is None:
            if self.output:
                raise InputError(f"{path}: has no ids to write scores for; name the trial list with --trials")
            rows = np.zeros(len(scores), np.int32)
            return ScoredTrials(Trials([""], [""], rows, rows, scores.labels, path), scores.values, [], path)
        if scores.labels is None and not self.load:
            raise InputError(f"{path}: has no labels to train on; name the trial list with --trials")
        return ScoredTrials(scores.trials, scores.values, [], path)


@dataclass(frozen=True)
class LogLikelihoodRatios:
    """`llrs` [T] (natural logarithm) of `trials`, the model that made them, or was trained on all of them, and files.

    `pairs` are the trials without a score, listed in `skipped_file`; `greedy` holds the objective (bits) that each
    system of a greedy fusion reached.
    """

    trials: Trials
    llrs: np.ndarray
    model: Calibration
    pairs: list[tuple[str, str]]
    skipped_file: str | None = None
    greedy: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def write_llrs(found: LogLikelihoodRatios, options: LlrOptions) -> LogLikelihoodRatios:
    """Writes the model and the score file as `options` ask; `found` with the list of left-out trials."""
    if options.save:
        save_calibration(options.save, found.model)
    if not options.output:
        return found
    write_scores(options.output, found.trials, round_scores(found.llrs))
    return replace(found, skipped_file=write_skipped(options.output, found.pairs))
