"""Embeddings that are done, kept on disk while the others are computed: a stopped extraction goes on from them."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError
from speakerssl.io import atomic_path, write_text

RECORD = "extraction.json"  # what the embeddings in this directory were made with


class Parts:
    """Collects embeddings and writes them to `output/.parts` every `flush_seconds`.

    Args:
        output: the directory of the finished embeddings.
        job: what decides their values; what was made by another job is not used.
        resume: whether to use what is there.
    """

    def __init__(
        self, output: str | Path, job: Mapping[str, Any], resume: bool = True, flush_seconds: float = 20.0
    ) -> None:
        self.output, self.folder = Path(output), Path(output) / ".parts"
        self.job, self.flush_seconds = dict(job), flush_seconds
        self.done: dict[str, np.ndarray] = {}
        if resume:
            self._load()
        self._new: dict[str, np.ndarray] = {}
        self._flushed = time.monotonic()

    def add(self, ids: list[str], embeddings: np.ndarray) -> None:
        """Takes embeddings [N, D] of `ids`."""
        self._new.update(zip(ids, embeddings))
        self.done.update(zip(ids, embeddings))
        if time.monotonic() - self._flushed > self.flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Writes what came since the last time as one more part."""
        if self._new:
            self.folder.mkdir(parents=True, exist_ok=True)
            if _read_record(self.folder / RECORD) != self.job:
                self._clear()
                write_text(self.folder / RECORD, json.dumps(self.job, indent=1))
            number = len(list(self.folder.glob("part-*.npz")))
            with atomic_path(self.folder / f"part-{number:06d}.npz") as temporary:
                np.savez(temporary, ids=np.array(list(self._new)), embeddings=np.stack(list(self._new.values())))
        self._new, self._flushed = {}, time.monotonic()

    def begin_finish(self) -> None:
        """To be called before the finished files are replaced: what they were made with is no longer sure."""
        (self.output / RECORD).unlink(missing_ok=True)

    def finish(self) -> None:
        """Records what the finished embeddings were made with and removes the parts."""
        write_text(self.output / RECORD, json.dumps(self.job, indent=1) + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _load(self) -> None:
        """Finished embeddings of the same job (an earlier run with failures), then the parts of a stopped one."""
        if _read_record(self.output / RECORD) == self.job:
            self._take(self.output / "xvector.npz")
        if _read_record(self.folder / RECORD) == self.job:
            for path in sorted(self.folder.glob("part-*.npz")):
                self._take(path)

    def _take(self, path: Path) -> None:
        try:
            found = read_embeddings(path)
        except InputError:  # missing or damaged: computed again
            return
        self.done.update(zip(found.ids, found.matrix))

    def _clear(self) -> None:
        for path in self.folder.glob("part-*.npz"):
            path.unlink()


def _read_record(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
