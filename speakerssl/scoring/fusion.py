"""Linear fusion of any number of systems by prior-weighted logistic regression, and greedy choice among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.calibration import cross_validated
from speakerssl.scoring.logistic import fit_logistic, weighted_objective
from speakerssl.trials.speakers import TrialSpeakers


@dataclass(frozen=True)
class Selected:
    """One round of the greedy choice: the system added and the objective (bits) with it."""

    system: int
    objective: float


def greedy_selection(
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: TrialSpeakers | None = None,
    prior: float = 0.5,
    most: int | None = None,
    least_gain: float = 1e-4,
    folds: int = 5,
    seed: int = 0,
    extra: np.ndarray | None = None,
) -> list[Selected]:
    """Systems (columns of `scores` [T, M]) in the order in which each lowers the objective most.

    The objective is the prior-weighted logarithmic loss (Cllr where `prior` is 0.5), cross-validated by
    speaker if `speakers` are given. Stops after `most` systems, or when the best addition gains less than
    `least_gain` bits. `extra` [T, Q] are inputs, such as qualities, that every fusion has.
    """
    total = scores.shape[1]
    if most is not None and not 1 <= most <= total:
        raise InputError(f"at most {most} systems were asked for; give 1 to {total}")
    chosen: list[Selected] = []
    left = list(range(total))
    while left and len(chosen) < (most or total):
        trials = []
        for system in left:
            columns = [pick.system for pick in chosen] + [system]
            inputs = scores[:, columns] if extra is None else np.hstack([scores[:, columns], extra])
            llrs = fused(inputs, labels, speakers, prior, folds, seed)
            trials.append(Selected(system, weighted_objective(llrs, labels, prior)))
        best = min(trials, key=lambda pick: pick.objective)
        if chosen and not chosen[-1].objective - best.objective >= least_gain:
            break
        chosen.append(best)
        left.remove(best.system)
    return chosen


def fused(
    inputs: np.ndarray,
    labels: np.ndarray,
    speakers: TrialSpeakers | None,
    prior: float,
    folds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Fused log-likelihood ratios [T] of `inputs` [T, K]: cross-validated by speaker, or on the training trials."""
    if speakers is not None:
        return cross_validated(inputs, labels, speakers, "logistic", prior, folds, seed)
    weights, bias = fit_logistic(inputs, labels, prior)
    return inputs @ weights + bias


def order_inputs(wanted: Sequence[str], given: Sequence[str]) -> list[int]:
    """Where in `given` each system that a saved fusion was trained on (`wanted`) is found: by name, else by order.

    Raises InputError where neither works.
    """
    if len(set(given)) == len(given) and set(wanted) <= set(given):
        return [list(given).index(name) for name in wanted]
    if len(wanted) != len(given):
        raise InputError(
            f"the fusion was trained on {len(wanted)} systems ({', '.join(wanted)}), but {len(given)} are given "
            f"({', '.join(given)}); name them with --scores NAME=FILE"
        )
    return list(range(len(wanted)))
