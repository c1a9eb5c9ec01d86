"""How a back-end is trained and adapted: plain values that the command line fills in."""

from dataclasses import dataclass, field

ADAPTATIONS = ("none", "kaldi", "coral+")
PLDA_METHODS = ("em", "closed-form")
PLDA_NORMALIZATIONS = ("length", "simple", "none")


@dataclass(frozen=True)
class AdaptationOptions:
    """How a PLDA is adapted to unlabelled data: `method` of ADAPTATIONS.

    The three scales belong to "kaldi" (defaults of Kaldi's `ivector-adapt-plda`, verified), `gamma` to "coral+".
    """

    method: str = "none"
    mean_diff_scale: float = 1.0
    within_scale: float = 0.3
    between_scale: float = 0.7
    gamma: float = 1.0


@dataclass(frozen=True)
class PldaOptions:
    """How a PLDA is trained, smoothed, and normalized when it scores.

    `method` of PLDA_METHODS, "em" with so many `iterations` (Kaldi's default, verified); `normalization` of
    PLDA_NORMALIZATIONS (see `Plda.project`); `smoothing` as in `smooth_within`.
    """

    method: str = "em"
    iterations: int = 10
    normalization: str = "length"
    smoothing: float = 0.0


@dataclass(frozen=True)
class BackendOptions:
    """`chain` as words (see `describe_transforms`) and the name of the `scorer` that follows it (see `SCORERS`)."""

    chain: str = ""
    scorer: str = "cosine"
    plda: PldaOptions = field(default_factory=PldaOptions)
    adaptation: AdaptationOptions = field(default_factory=AdaptationOptions)
