"""Prior-weighted logistic regression: one linear function of several inputs that is a log-likelihood ratio."""

import numpy as np
from scipy.special import expit

from speakerssl.errors import InputError

ITERATIONS = 100
# Only keeps the weights of perfectly separated classes finite: too small to move any other fit.
RIDGE = 1e-8


def logit(prior: float) -> float:
    """Log odds of `prior`. Raises InputError unless 0 < prior < 1."""
    if not 0 < prior < 1:
        raise InputError(f"the prior is {prior:g}; it is a probability between 0 and 1, such as 0.01")
    return float(np.log(prior) - np.log1p(-prior))


def require_two_classes(labels: np.ndarray, where: str) -> None:
    """Raises InputError unless `labels` hold targets (1) and non-targets (0)."""
    targets = int(np.count_nonzero(labels))
    if targets in (0, len(labels)):
        found = f"{targets} target and {len(labels) - targets} non-target trials"
        raise InputError(f"{where}: {found}; training needs both classes")


def weighted_objective(llrs: np.ndarray, labels: np.ndarray, prior: float) -> float:
    """Prior-weighted logarithmic loss in bits: Cllr at `prior` 0.5 (Brümmer and du Preez, 2006)."""
    odds = logit(prior)
    targets = labels.astype(bool)
    miss = np.logaddexp(0, -(llrs[targets] + odds)).mean()
    alarm = np.logaddexp(0, llrs[~targets] + odds).mean()
    return float((prior * miss + (1 - prior) * alarm) / np.log(2))


def fit_logistic(inputs: np.ndarray, labels: np.ndarray, prior: float = 0.5) -> tuple[np.ndarray, float]:
    """Weights [K] and bias so that inputs [T, K] @ weights + bias is a log-likelihood ratio in nats.

    Minimizes prior/N_tar sum log(1 + e^-(llr + logit prior)) + (1 - prior)/N_non sum log(1 + e^(llr + logit prior))
    by Newton's method with step halving, on standardized inputs. `labels` [T] are 1 (target) and 0.
    Raises InputError if there is one class only, or an input that does not vary.
    """
    odds = logit(prior)
    inputs = np.asarray(inputs, dtype=np.float64)
    require_two_classes(labels, "logistic regression")
    centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
    flat = np.flatnonzero(~(scale > 1e-12 * np.maximum(np.abs(centre), 1e-300)))
    if len(flat):
        raise InputError(f"input {flat[0] + 1} of the logistic regression is the same for all trials; leave it out")
    design = np.column_stack([(inputs - centre) / scale, np.ones(len(inputs))])
    targets = labels.astype(bool)
    share = np.where(targets, prior / targets.sum(), (1 - prior) / (~targets).sum())
    solution = _newton(design, np.where(targets, 1.0, -1.0), share, odds)
    weights = solution[:-1] / scale
    return weights, float(solution[-1] - weights @ centre)


def _newton(design: np.ndarray, sign: np.ndarray, share: np.ndarray, odds: float) -> np.ndarray:
    ridge = np.full(design.shape[1], RIDGE)
    ridge[-1] = 0.0

    def loss(point: np.ndarray) -> float:
        return float(share @ np.logaddexp(0, -sign * (design @ point + odds)) + 0.5 * ridge @ point**2)

    point = np.zeros(design.shape[1])
    point[-1] = -odds
    value = loss(point)
    for _ in range(ITERATIONS):
        wrong = expit(-sign * (design @ point + odds))
        slope = design.T @ (-sign * share * wrong) + ridge * point
        curve = (design * (share * wrong * (1 - wrong))[:, None]).T @ design + np.diag(ridge)
        # Identical inputs leave the curvature flat in one direction: the least-norm step ignores it.
        step = np.linalg.lstsq(curve, slope, rcond=1e-12)[0]
        decrease, length = float(slope @ step), 1.0
        if decrease < 1e-16:
            break
        while (new := loss(point - length * step)) > value - 1e-4 * length * decrease and length > 1e-8:
            length /= 2
        if not new < value:
            break
        point, value = point - length * step, new
    return point
