"""Metrics of parts of a list: by gender, duration, enrolment size, language or any attribute of the recordings."""

import itertools
from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.metrics.attributes import Attribute, as_numbers
from speakerssl.metrics.detection import at_threshold, eer, min_dcf
from speakerssl.metrics.roc import build_roc
from speakerssl.scoring.trials import Trials

MIXED = "mixed"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Slice:
    """One part of a list. `eer` and `min_dcf` use the part's own best threshold and are None where a class is missing.

    `p_miss` and `p_fa` hold at the threshold of the whole list's EER: what a user of this kind meets.
    """

    attribute: str
    value: str
    targets: int
    nontargets: int
    eer: float | None
    min_dcf: float | None
    p_miss: float | None
    p_fa: float | None


def slice_names(
    trials: Trials, attribute: Attribute, utt2spk: dict[str, str] | None = None, bins: int = 4
) -> tuple[list[str], np.ndarray]:
    """The names of the parts, and the part of each trial, int [N].

    A trial belongs to the value that both sides share, or to `mixed`; where only enrolment ids have the attribute (the
    size of a model), theirs decides. A number with more than ten values is cut into `bins` quantile ranges of the
    smaller side's (the shorter recording's). Raises InputError where no trial has a value.
    """
    sides = [attribute.lookup(ids, utt2spk) for ids in (trials.enrol_ids, trials.test_ids)]
    if not any(value is not None for side in sides for value in side):
        raise InputError(f"{attribute.path}: has a value for none of the ids of {trials.path}")
    one_sided = all(value is None for value in sides[1])
    numbers = as_numbers(sides[0] + sides[1])
    if numbers is not None and len(np.unique(numbers[~np.isnan(numbers)])) > 10:
        enrol, test = np.split(numbers, [len(sides[0])])
        smaller = enrol[trials.enrol_index]
        if not one_sided:
            smaller = np.minimum(smaller, test[trials.test_index])
        return _ranges(smaller, bins)
    names = sorted({value for side in sides for value in side if value is not None})
    number = {name: n for n, name in enumerate(names)}
    codes = [np.array([len(names) + 1 if v is None else number[v] for v in side]) for side in sides]
    first = codes[0][trials.enrol_index]
    second = first if one_sided else codes[1][trials.test_index]
    part = np.where(first == second, first, len(names))
    part = np.where(np.maximum(first, second) > len(names), len(names) + 1, part)
    return [*names, MIXED, UNKNOWN], part


def _ranges(values: np.ndarray, bins: int) -> tuple[list[str], np.ndarray]:
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)))
    part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    # The last range holds its upper edge as well.
    pairs = list(itertools.pairwise(edges)) or [(edges[0], edges[0])]
    closing = ["]" if i == len(pairs) - 1 else ")" for i in range(len(pairs))]
    names = [f"[{low:g}, {high:g}{close}" for (low, high), close in zip(pairs, closing)]
    return [*names, UNKNOWN], np.where(np.isnan(values), len(names), part)


def slice_metrics(
    scores: np.ndarray,
    labels: np.ndarray,
    trials: Trials,
    attribute: Attribute,
    p_target: float = 0.05,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
    utt2spk: dict[str, str] | None = None,
) -> list[Slice]:
    """The parts of a list that hold a trial, with their metrics."""
    names, part = slice_names(trials, attribute, utt2spk)
    threshold = eer(build_roc(scores, labels, trials.path)).threshold
    out = []
    for number, name in enumerate(names):
        rows = part == number
        if not rows.any():
            continue
        kept, own = scores[rows], np.asarray(labels)[rows] > 0
        targets, nontargets = int(np.count_nonzero(own)), int(np.count_nonzero(~own))
        own_eer = own_cost = None
        if targets and nontargets:
            roc = build_roc(kept, own)
            own_eer, own_cost = eer(roc).value, min_dcf(roc, p_target, c_miss, c_fa).value
            p_miss, p_fa = at_threshold(roc, threshold)
        else:
            p_miss = float(np.mean(kept[own] < threshold)) if targets else None  # type: ignore[assignment]
            p_fa = float(np.mean(kept[~own] >= threshold)) if nontargets else None  # type: ignore[assignment]
        out.append(Slice(attribute.name, name, targets, nontargets, own_eer, own_cost, p_miss, p_fa))
    return out
