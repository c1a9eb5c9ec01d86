"""All scalar metrics of a set of operating points at once, the same code for the point estimate and each replicate."""

from dataclasses import dataclass

import numpy as np

from speakerssl.kernels import njit
from speakerssl.metrics.cllr import cllr_kernel, log_losses, min_cllr_kernel
from speakerssl.metrics.detection import (
    auc_kernel,
    bayes_threshold,
    dcf_weights,
    eer_kernel,
    fixed_alarm_kernel,
    min_dcf_kernel,
)
from speakerssl.metrics.roc import Roc, hull_points

Prepared = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]

BASIC = ("eer", "eer_hull", "auc", "cllr", "min_cllr")


@dataclass(frozen=True)
class MetricSuite:
    """Which metrics: the five of `BASIC`, detection costs at `p_targets`, precision and recall at `false_alarms`.

    `quick` leaves out what needs the convex hull or a pass of its own: only EER and minimum detection costs are
    computed, and the rest is NaN.
    """

    p_targets: tuple[float, ...] = (0.01, 0.05)
    c_miss: float = 1.0
    c_fa: float = 1.0
    false_alarms: tuple[float, ...] = (0.001, 0.01)
    quick: bool = False

    @property
    def names(self) -> list[str]:
        """The name of each value, such as `min_dcf@0.01` and `precision@0.001`."""
        costs = [f"{kind}_dcf@{p:g}" for p in self.p_targets for kind in ("min", "actual")]
        fixed = [f"{kind}@{rate:g}" for rate in self.false_alarms for kind in ("precision", "recall")]
        return [*BASIC, *costs, *fixed]

    def prepare(self, thresholds: np.ndarray) -> Prepared:
        """What `suite_kernel` needs of the thresholds, computed once for all replicates."""
        costs = [(p, self.c_miss, self.c_fa) for p in self.p_targets]
        weights = np.array([dcf_weights(*cost) for cost in costs]).reshape(-1, 2)
        decisions = np.array([bayes_threshold(*cost) for cost in costs])
        points = np.minimum(np.searchsorted(thresholds, decisions), len(thresholds) - 1).astype(np.int64)
        return *log_losses(thresholds), weights, points, np.array(self.false_alarms, np.float64)

    def evaluate(self, roc: Roc) -> dict[str, float]:
        """The value of each metric, by its name."""
        out = np.empty(len(self.names))
        suite_kernel(roc.misses, roc.false_alarms, *self.prepare(roc.thresholds), self.quick, out)
        return dict(zip(self.names, out.tolist()))


@njit(cache=True, nogil=True)
def suite_kernel(
    misses: np.ndarray,
    alarms: np.ndarray,
    target_loss: np.ndarray,
    nontarget_loss: np.ndarray,
    weights: np.ndarray,
    points: np.ndarray,
    limits: np.ndarray,
    quick: bool,
    out: np.ndarray,
) -> None:
    """Fills `out` in the order of `MetricSuite.names`."""
    out[:] = np.nan
    out[0] = eer_kernel(misses, alarms)[0]
    place = 5
    for cost in range(points.size):
        miss, alarm = weights[cost, 0], weights[cost, 1]
        out[place] = min_dcf_kernel(misses, alarms, miss, alarm)[0]
        point = points[cost]
        out[place + 1] = miss * misses[point] / misses[-1] + alarm * alarms[point] / alarms[0]
        place += 2
    if quick:
        return
    hull = hull_points(misses, alarms)
    out[1] = eer_kernel(misses[hull], alarms[hull])[0]
    out[2] = auc_kernel(misses, alarms)
    out[3] = cllr_kernel(misses, alarms, target_loss, nontarget_loss)
    out[4] = min_cllr_kernel(misses, alarms, hull)
    for rate in range(limits.size):
        point = fixed_alarm_kernel(alarms, limits[rate])
        hits = misses[-1] - misses[point]
        out[place] = hits / (hits + alarms[point]) if hits + alarms[point] > 0 else 1.0
        out[place + 1] = hits / misses[-1]
        place += 2
