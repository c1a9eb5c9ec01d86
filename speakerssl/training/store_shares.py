"""A feature store made by several machines: each writes the parts of its share, and one run puts them together.

    OUTPUT/parts/2-of-4/000001-....npz    written by `features --part 2/4`
    OUTPUT/parts/000001-....npz           where the run without --part moves them, makes what is missing, and merges

Parts are named by all that decides them, so those of another list or of other options are never taken. A share that was
written where OUTPUT cannot be seen is copied into OUTPUT/parts.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from speakerssl.errors import InputError
from speakerssl.resume import refuse_locked


class Share(NamedTuple):
    """The parts `number`, `number` + `of`, ... of a store, counted from 1."""

    number: int
    of: int

    @classmethod
    def read(cls, text: str) -> "Share":
        """From `I/N`. Raises InputError."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        share = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= share.number <= share.of:
            raise InputError(f"--part {text}: expected I/N with I from 1 to N, such as 2/4")
        return share

    def folder(self, output: Path) -> Path:
        """Where its parts are written."""
        return output / "parts" / f"{self.number}-of-{self.of}"


def refuse_running(output: Path) -> None:
    """Raises InputError that names a process which writes a share in `output`."""
    for folder in _folders(output):
        refuse_locked(folder)


def gather(output: Path) -> None:
    """Moves the parts of all shares to where one process would have written them."""
    for folder in _folders(output):
        for path in sorted(folder.glob("[0-9]*.npz")):
            os.replace(path, output / "parts" / path.name)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _folders(output: Path) -> list[Path]:
    return sorted(path for path in (output / "parts").glob("*-of-*") if path.is_dir())
