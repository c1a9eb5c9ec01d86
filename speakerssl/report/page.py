"""Fills the page template: one HTML text with its style, script and data inside, nothing fetched from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Template

import numpy as np

from speakerssl.report.markup import script_json, text
from speakerssl.report.model import SystemCurves
from speakerssl.report.plots import det_upper_bound
from speakerssl.version import __version__

SCRIPTS = ("charts.js", "panels.js", "page.js")
SECTIONS = (
    ("metrics", "Metrics"),
    ("threshold", "Threshold"),
    ("det", "DET"),
    ("scores", "Scores"),
    ("slices", "Slices"),
    ("hardest", "Hardest trials"),
)


@dataclass(frozen=True)
class Page:
    """The parts of a page. `title`, `subtitle` and `footer` are plain text; the other texts are HTML already.

    `thresholds` [G] are shared by all systems, `audio` the data: URIs that the players of `hardest` point into.
    """

    title: str
    subtitle: str
    metrics: str
    hardest: str
    systems: Sequence[SystemCurves]
    thresholds: np.ndarray
    p_targets: Sequence[float]
    slices: str = ""
    notices: Sequence[str] = ()
    audio: Sequence[str] = field(default_factory=tuple)
    footer: str = ""

    def render(self) -> str:
        """The whole HTML text."""
        data = {
            "grid": self.thresholds.tolist(),
            "systems": [system.to_json(self.thresholds) for system in self.systems],
            "priors": list(self.p_targets),
            "det_high": det_upper_bound(self.systems),
            "audio": list(self.audio),
        }
        shown = [(key, name) for key, name in SECTIONS if key != "slices" or self.slices]
        return Template(_asset("page.html")).substitute(
            version=__version__,
            title=text(self.title),
            subtitle=text(self.subtitle),
            css=_asset("page.css"),
            navigation=" ".join(f'<a href="#{key}">{name}</a>' for key, name in shown),
            notices="\n".join(self.notices),
            metrics=self.metrics,
            grid_note=f"{len(self.thresholds)} thresholds; the counts at each are exact.",
            slices=self.slices,
            slices_hidden="" if self.slices else " hidden",
            hardest=self.hardest,
            footer=text(self.footer),
            data=script_json(data),
            script="\n".join(_asset(name).replace('"use strict";\n', "", 1) for name in SCRIPTS),
        )


@cache
def _asset(name: str) -> str:
    return files("speakerssl.report").joinpath(name).read_text(encoding="utf-8")
