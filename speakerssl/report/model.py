"""What the page draws of one system, as plain arrays of a few hundred numbers each."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class OperatingPoint:
    """A named threshold of one system and where its mark stands on the DET plot (rates in [0, 1]).

    `threshold` is one of the shared stops: see `thresholds.short_threshold`.
    """

    key: str
    label: str
    threshold: float
    fa: float
    miss: float


@dataclass(frozen=True)
class SystemCurves:
    """One system's curves.

    `misses` and `false_alarms` are counts at the shared thresholds [G]; `det_*` are [K] rates and thresholds;
    `edges` [B+1] with `share_*` [B] are the histogram; `pav_score` and `pav_llr` (nats) the calibration curve.
    """

    name: str
    targets: int
    nontargets: int
    eer: float
    points: tuple[OperatingPoint, ...]
    misses: np.ndarray
    false_alarms: np.ndarray
    det_fa: np.ndarray
    det_miss: np.ndarray
    det_threshold: np.ndarray
    edges: np.ndarray
    share_target: np.ndarray
    share_nontarget: np.ndarray
    pav_score: np.ndarray
    pav_llr: np.ndarray

    def to_json(self, thresholds: np.ndarray) -> dict[str, Any]:
        """The form that page.js reads; `thresholds` [G] are what `misses` and `false_alarms` belong to."""
        return {
            "name": self.name,
            "targets": self.targets,
            "nontargets": self.nontargets,
            "eer": self.eer,
            "points": [self._point(point, thresholds) for point in self.points],
            "miss": self.misses.tolist(),
            "fa": self.false_alarms.tolist(),
            "det": {
                "fa": significant(self.det_fa),
                "miss": significant(self.det_miss),
                "threshold": significant(self.det_threshold),
            },
            "histogram": {
                "edges": significant(self.edges),
                "target": significant(self.share_target),
                "nontarget": significant(self.share_nontarget),
            },
            "pav": {"score": significant(self.pav_score), "llr": significant(self.pav_llr)},
        }

    def _point(self, point: OperatingPoint, thresholds: np.ndarray) -> dict[str, Any]:
        index = int(np.searchsorted(thresholds, point.threshold))
        return {"key": point.key, "label": point.label, "index": index, "fa": point.fa, "miss": point.miss}


def significant(values: np.ndarray, digits: int = 6) -> list[float]:
    """`values` [N] as a list of floats of `digits` significant digits, so that their JSON is short."""
    return [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=np.float64)]
