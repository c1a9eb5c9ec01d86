"""Detection metrics with their definitions, intervals over speakers, and paired comparisons. No torch."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.metrics.bootstrap import Interval, speaker_bootstrap
    from speakerssl.metrics.cllr import pav_llrs
    from speakerssl.metrics.comparison import Difference, compare
    from speakerssl.metrics.consistency import threshold_consistency
    from speakerssl.metrics.detection import OperatingPoint, compute_eer, compute_min_dcf, det_points
    from speakerssl.metrics.roc import Roc, build_roc
    from speakerssl.metrics.score_files import compare_files, summarize_file
    from speakerssl.metrics.slices import slice_metrics
    from speakerssl.metrics.specs import METRICS, Metric
    from speakerssl.metrics.suite import MetricSuite
    from speakerssl.metrics.summary import SummaryOptions, summarize
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "bootstrap": ("Interval", "speaker_bootstrap"),
            "cllr": ("pav_llrs",),
            "comparison": ("Difference", "compare"),
            "consistency": ("threshold_consistency",),
            "detection": ("OperatingPoint", "compute_eer", "compute_min_dcf", "det_points"),
            "score_files": ("compare_files", "summarize_file"),
            "roc": ("Roc", "build_roc"),
            "slices": ("slice_metrics",),
            "specs": ("METRICS", "Metric"),
            "suite": ("MetricSuite",),
            "summary": ("SummaryOptions", "summarize"),
        },
    )

__all__ = [
    "METRICS",
    "Difference",
    "Interval",
    "Metric",
    "MetricSuite",
    "OperatingPoint",
    "Roc",
    "SummaryOptions",
    "build_roc",
    "compare",
    "compare_files",
    "compute_eer",
    "compute_min_dcf",
    "det_points",
    "pav_llrs",
    "slice_metrics",
    "speaker_bootstrap",
    "summarize",
    "summarize_file",
    "threshold_consistency",
]
