"""PNG and PDF of each plot of the page, for papers and slides: the same points, drawn by matplotlib."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from speakerssl.io import atomic_path
from speakerssl.report.model import SystemCurves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "pdf")
TICKS = (1e-5, 1e-4, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
COLOURS = ("#1d5fc4", "#c2410c", "#0b7a66", "#a21caf", "#4d7c0f", "#be123c", "#6d28d9", "#475569")
DASHES = ("-", "--", ":", "-.")


def save_plots(systems: Sequence[SystemCurves], directory: str | Path) -> list[Path]:
    """Writes det, histogram_<k> and calibration_<k> (k counts the systems from 1) as PNG and PDF.

    Returns the files written.
    """
    directory = Path(directory)
    written: list[Path] = []
    with _axes(directory / "det", written) as axes:
        draw_det(axes, systems)
    for number, system in enumerate(systems, 1):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        with _axes(directory / f"histogram_{number}", written) as axes:
            draw_histogram(axes, system, colour)
        with _axes(directory / f"calibration_{number}", written) as axes:
            draw_calibration(axes, system, colour)
    return written


def draw_det(axes: "Axes", systems: Sequence[SystemCurves]) -> None:
    """DET curves of all `systems` on normal-deviate axes (Martin et al. 1997), with the EER marked."""
    for index, system in enumerate(systems):
        colour = COLOURS[index % len(COLOURS)]
        fa, miss = (ndtri(np.clip(rates, 1e-7, 1 - 1e-7)) for rates in (system.det_fa, system.det_miss))
        label = f"{system.name} (EER {100 * system.eer:.3f} %)"
        axes.plot(fa, miss, DASHES[index % len(DASHES)], color=colour, label=label, linewidth=1.6)
        axes.plot(*[ndtri(np.clip(system.eer, 1e-7, 1 - 1e-7))] * 2, "o", color=colour, markersize=5)
    high = det_upper_bound(systems)
    for axis, resolution in ((axes.xaxis, min(1 / s.nontargets for s in systems)),
                             (axes.yaxis, min(1 / s.targets for s in systems))):  # fmt: skip
        low = max(1e-6, min(resolution, 0.01))
        ticks = [tick for tick in TICKS if low <= tick <= high]
        axis.set_ticks(ndtri(ticks).tolist(), [f"{100 * tick:g}" for tick in ticks])
        (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(ndtri(low), ndtri(high))
    axes.plot([-6, 6], [-6, 6], ":", color="0.6", linewidth=1)
    axes.set(xlabel="False-alarm rate (%)", ylabel="Miss rate (%)")
    axes.grid(color="0.9")
    axes.legend()


def draw_histogram(axes: "Axes", system: SystemCurves, colour: str) -> None:
    """Shares of the target (filled) and non-target (grey) trials in each bin of the score."""
    for shares, shade, style, label in (
        (system.share_nontarget, "0.45", "--", "non-target"),
        (system.share_target, colour, "-", "target"),
    ):
        axes.stairs(100 * shares, system.edges, fill=True, alpha=0.25, color=shade)
        axes.stairs(100 * shares, system.edges, color=shade, linestyle=style, label=label)
    axes.set(xlabel="Score", ylabel="Trials (% of class)", title=system.name)
    axes.legend()


def draw_calibration(axes: "Axes", system: SystemCurves, colour: str) -> None:
    """The PAV log-likelihood ratio of each score; a calibrated score lies on the dotted diagonal."""
    low, high = (float(f(system.pav_llr)) for f in (np.min, np.max)) if len(system.pav_llr) else (-1.0, 1.0)
    axes.plot(system.pav_score, system.pav_llr, color=colour, linewidth=1.6, label="PAV")
    axes.axline((0, 0), slope=1, linestyle=":", color="0.5", label="score = log-likelihood ratio")
    pad = 0.5 + 0.03 * (high - low)
    axes.set(xlim=(system.edges[0], system.edges[-1]), ylim=(low - pad, high + pad), title=system.name)
    axes.set(xlabel="Score", ylabel="PAV log-likelihood ratio (nats)")
    axes.grid(color="0.9")
    axes.legend()


def det_upper_bound(systems: Sequence[SystemCurves]) -> float:
    """The rate at which both axes of the DET plot end: some way above the worst EER, with all minDCF points inside."""
    worst = max(max(4 * system.eer, *(max(p.miss, p.fa) for p in system.points)) for system in systems)
    return next((bound for bound in (0.2, 0.4, 0.6, 0.8, 0.95) if bound >= worst), 0.99)


@contextmanager
def _axes(stem: Path, written: list[Path]) -> Iterator[Any]:
    """One figure's axes; afterwards the figure is `stem`.png and `stem`.pdf, whose names join `written`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.add_subplot()
    for suffix in FORMATS:
        path = stem.with_suffix(f".{suffix}")
        # No date inside: the same scores give the same bytes.
        metadata = {"CreationDate": None} if suffix == "pdf" else None
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=160, metadata=metadata)
        written.append(path)
