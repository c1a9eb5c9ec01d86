"""One self-contained HTML page about score files, and tables of several systems. No torch."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.report.build import ReportOptions, write_report
    from speakerssl.report.results import Results, collect, to_markdown
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "build": ("ReportOptions", "write_report"),
            "results": ("Results", "collect", "to_markdown"),
        },
    )

__all__ = [
    "ReportOptions",
    "Results",
    "collect",
    "to_markdown",
    "write_report",
]
