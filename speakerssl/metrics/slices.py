"""Metrics of parts of a list: by gender, duration, enrolment size, language or any attribute of the recordings."""

import itertools
from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.metrics.detection import at_threshold, eer, min_dcf
from speakerssl.metrics.roc import build_roc
from speakerssl.trials.attributes import Attribute, as_numbers
from speakerssl.trials.trial_list import Trials

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

    A trial belongs to the value that both sides share, or to `mixed`; where only one side has the attribute (the size
    of an enrolment model), it decides. A number with more than ten values is cut into `bins` quantile ranges of the
    smaller side's (the shorter recording's). Raises InputError where no trial has a value.
    """
    sides = [attribute.lookup(trials.enrol_ids, utt2spk), attribute.lookup(trials.test_ids, utt2spk)]
    indices = [trials.enrol_index, trials.test_index]
    # Where only one side of the trials has values at all, the part is that side's value alone: test recordings have
    # no number of enrolment recordings.
    used = [k for k in (0, 1) if any(v is not None for v in sides[k]) and not (k and attribute.enrolment_only)]
    if not used:
        raise InputError(f"{attribute.path}: has a value for none of the ids of {trials.path}")
    numbers = as_numbers([value for k in used for value in sides[k]])
    if numbers is not None and len(np.unique(numbers[~np.isnan(numbers)])) > 10:
        values = [as_numbers(sides[k]) for k in used]
        each = [column[indices[k]] for column, k in zip(values, used) if column is not None]
        return _ranges(np.minimum(each[0], each[-1]), bins)
    names = sorted({value for k in used for value in sides[k] if value is not None})
    number = {name: n for n, name in enumerate(names)}
    codes = [
        np.array([len(names) + 1 if v is None else number[v] for v in sides[k]], np.int64)[indices[k]] for k in used
    ]
    first, second = codes[0], codes[-1]
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
    p_target: float = 0.01,
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
