"""PNG and PDF of each plot: real images, the same bytes each time, curves where they should be."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

from speakerssl.metrics.roc import build_roc
from speakerssl.report.curves import system_curves
from speakerssl.report.model import SystemCurves
from speakerssl.report.plots import det_upper_bound, draw_calibration, draw_det, save_plots


def curves(distance: float = 2.5) -> list[SystemCurves]:
    rng = np.random.default_rng(1)
    labels = np.arange(20_000) % 4 == 0
    llr = distance * rng.normal(labels * distance, 1.0) - distance**2 / 2
    return system_curves(["A & <B>"], [build_roc(llr, labels)], [0.05])[0]


def test_files_are_images_and_reproducible(tmp_path: Path) -> None:
    systems = curves()
    first, second = (save_plots(systems, tmp_path / name) for name in "ab")
    names = [f"{kind}.{suffix}" for kind in ("det", "histogram_1", "calibration_1")
             for suffix in ("png", "pdf")]  # fmt: skip
    assert [path.name for path in first] == names
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(names)
    for one, other in zip(first, second):
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().startswith(b"\x89PNG" if one.suffix == ".png" else b"%PDF")
        assert one.stat().st_size > 5000


def test_gaussian_scores_give_a_straight_det_line() -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    draw_det(axes, curves(2.5))
    x, y = np.asarray(axes.lines[0].get_data())
    inside = (np.abs(x) < 2) & (np.abs(y) < 2)
    assert np.allclose(x[inside] + y[inside], -2.5, atol=0.2)
    low, high = axes.get_xlim()
    assert high == pytest.approx(ndtri(det_upper_bound(curves(2.5))))
    assert low < ndtri(0.001)


def test_calibrated_scores_lie_on_the_diagonal() -> None:
    from matplotlib.figure import Figure

    system = curves(2.0)[0]
    axes = Figure().add_subplot()
    draw_calibration(axes, system, "black")
    x, y = np.asarray(axes.lines[0].get_data())
    middle = (x > -3) & (x < 3)
    assert np.mean(np.abs(y[middle] - x[middle])) < 0.25


def test_bound_keeps_every_min_dcf_point_inside() -> None:
    for distance in (0.2, 1.0, 3.0):
        system = curves(distance)[0]
        bound = det_upper_bound([system])
        assert bound == 0.99 or all(max(point.fa, point.miss) <= bound for point in system.points)
