"""From operating points to what the page draws: the numbers of `speakerssl.metrics`, thinned."""

from collections.abc import Sequence

import numpy as np

from speakerssl.metrics.detection import det_points, eer, min_dcf
from speakerssl.metrics.roc import Roc
from speakerssl.report.curves import calibration_curve, histogram, thin_by_deviates
from speakerssl.report.grid import counts_at, shared_grid, short_threshold
from speakerssl.report.model import OperatingPoint, SystemCurves


def system_curves(
    names: Sequence[str], rocs: Sequence[Roc], p_targets: Sequence[float], limit: int = 1600
) -> tuple[list[SystemCurves], np.ndarray]:
    """The curves of every system and the thresholds [G] that they share (about `limit` of them)."""
    points = [operating_points(roc, p_targets) for roc in rocs]
    grid = shared_grid(rocs, [[point.threshold for point in of] for of in points], limit)
    curves = [_curves(name, roc, of, grid) for name, roc, of in zip(names, rocs, points)]
    return curves, grid


def operating_points(roc: Roc, p_targets: Sequence[float]) -> tuple[OperatingPoint, ...]:
    """The EER and the minimum of the detection cost at each prior, at stops of the slider."""
    equal = eer(roc)
    threshold = short_threshold(roc, equal.threshold)
    points = [OperatingPoint("eer", "EER", threshold, fa=equal.value, miss=equal.value)]
    for p_target in p_targets:
        least = min_dcf(roc, p_target)
        threshold = short_threshold(roc, least.threshold)
        points.append(OperatingPoint("min_dcf", f"minDCF p={p_target:g}", threshold, least.p_fa, least.p_miss))
    return tuple(points)


def _curves(name: str, roc: Roc, points: tuple[OperatingPoint, ...], grid: np.ndarray) -> SystemCurves:
    misses, false_alarms = counts_at(roc, grid)
    det = det_points(roc)
    keep = thin_by_deviates(det["p_fa"], det["p_miss"])
    edges, share_target, share_nontarget = histogram(roc)
    pav_score, pav_llr = calibration_curve(roc)
    return SystemCurves(
        name=name,
        targets=roc.targets,
        nontargets=roc.nontargets,
        eer=points[0].fa,
        points=points,
        misses=misses,
        false_alarms=false_alarms,
        det_fa=det["p_fa"][keep],
        det_miss=det["p_miss"][keep],
        det_threshold=det["threshold"][keep],
        edges=edges,
        share_target=share_target,
        share_nontarget=share_nontarget,
        pav_score=pav_score,
        pav_llr=pav_llr,
    )
