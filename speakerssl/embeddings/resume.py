"""Vectors that are done, kept on disk while the others are computed: a stopped extraction goes on from them."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError
from speakerssl.io import atomic_path
from speakerssl.resume import IDENTITY, Identity

STATES = "states"  # beside `ids` and `embeddings` in a part: the state that each recording had
OPTIONS = "options"


class Parts:
    """Collects vectors and writes them to `output/.parts` every `flush_seconds`.

    Args:
        output: the directory of the finished vectors.
        identity: the recordings as they are now and the options; a vector of another recording, of the recording as
            it was before it changed, or of other options is not used.
        finished: the npz in `output` that holds the vectors of a finished run.
        resume: whether to use what is there.
    """

    def __init__(
        self,
        output: str | Path,
        identity: Identity,
        finished: str = "xvector.npz",
        resume: bool = True,
        flush_seconds: float = 20.0,
    ) -> None:
        self.output, self.folder = Path(output), Path(output) / ".parts"
        self.identity, self.flush_seconds = identity, flush_seconds
        self.done: dict[str, np.ndarray] = {}
        if resume:
            self._load(self.output / finished)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
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
            number = len(list(self.folder.glob("part-*.npz")))
            with atomic_path(self.folder / f"part-{number:06d}.npz") as temporary:
                np.savez(
                    temporary,
                    ids=np.array(list(self._new)),
                    embeddings=np.stack(list(self._new.values())),
                    states=np.array([self.identity.recordings[key] for key in self._new]),
                    options=np.array(self.identity.options_digest),
                )
        self._new, self._flushed = {}, time.monotonic()

    def begin_finish(self) -> None:
        """To be called before the finished files are replaced: what they were made from is no longer sure."""
        (self.output / IDENTITY).unlink(missing_ok=True)

    def finish(self) -> None:
        """Records what the finished vectors were made from and removes the parts."""
        recordings = {key: state for key, state in self.identity.recordings.items() if key in self.done}
        Identity(self.identity.options, recordings).write(self.output)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _load(self, finished: Path) -> None:
        """What a finished run has left, then the parts of a stopped one."""
        before = Identity.read(self.output)
        if before is not None and before.options == self.identity.options:
            self._take(finished, before.recordings)
        usable = False
        for path in sorted(self.folder.glob("part-*.npz")):
            usable |= self._take_part(path)
        if not usable:  # of other options: their numbers would only be in the way
            shutil.rmtree(self.folder, ignore_errors=True)

    def _take_part(self, path: Path) -> bool:
        try:
            with np.load(path, allow_pickle=False) as part:
                if str(part[OPTIONS]) != self.identity.options_digest:
                    return False
                states = dict(zip(part["ids"].tolist(), part[STATES].tolist()))
        except (OSError, ValueError, KeyError, EOFError):
            return False
        self._take(path, states)
        return True

    def _take(self, path: Path, states: Mapping[str, str]) -> None:
        try:
            found = read_embeddings(path)
        except InputError:  # missing or damaged: computed again
            return
        for key, vector in zip(found.ids, found.matrix):
            state = self.identity.recordings.get(key)
            if state is not None and states.get(key) == state:
                self.done[key] = vector
