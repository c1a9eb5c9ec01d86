"""Enrolment and identification: named speakers, kept in a file, found again from a recording."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.gallery.calibration import fit_decision
    from speakerssl.gallery.identification import Gallery
    from speakerssl.gallery.records import Candidate, Identification, Speaker
    from speakerssl.gallery.sqlite import SqliteStore
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "calibration": ("fit_decision",),
            "identification": ("Gallery",),
            "records": ("Candidate", "Identification", "Speaker"),
            "sqlite": ("SqliteStore",),
        },
    )

__all__ = ["Candidate", "Gallery", "Identification", "Speaker", "SqliteStore", "fit_decision"]
