"""Trial lists and score files of any toolkit, and who and what is in them. No torch."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.trials.attributes import Attribute, read_attribute
    from speakerssl.trials.score_file import ScoredTrials, Scores, join, read_scored_trials, read_scores
    from speakerssl.trials.score_writer import write_scores
    from speakerssl.trials.speakers import TrialSpeakers, read_utt2spk, trial_speakers
    from speakerssl.trials.trial_list import Trials, read_trials
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "attributes": ("Attribute", "read_attribute"),
            "score_file": ("ScoredTrials", "Scores", "join", "read_scored_trials", "read_scores"),
            "score_writer": ("write_scores",),
            "speakers": ("TrialSpeakers", "read_utt2spk", "trial_speakers"),
            "trial_list": ("Trials", "read_trials"),
        },
    )

__all__ = [
    "Attribute",
    "ScoredTrials",
    "Scores",
    "TrialSpeakers",
    "Trials",
    "join",
    "read_attribute",
    "read_scored_trials",
    "read_scores",
    "read_trials",
    "read_utt2spk",
    "trial_speakers",
    "write_scores",
]
