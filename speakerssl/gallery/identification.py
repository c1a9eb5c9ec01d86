"""Enrol speakers under a name, and say who speaks in a recording, or that nobody known does."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.embeddings.decision import Decision
from speakerssl.errors import InputError
from speakerssl.gallery.records import Candidate, GalleryStore, Identification, SearchingStore, Speaker
from speakerssl.gallery.search import SpeakerSearch
from speakerssl.gallery.sqlite import SqliteStore

NO_THRESHOLD = (
    "{path}: no threshold is known below which a speaker is unknown; calibrate the model with "
    "`speakerssl calibrate-model`, or give a threshold"
)


class Embedder(Protocol):
    """What a gallery needs of a model; `SpeakerModel` is one."""

    @property
    def embed_dim(self) -> int:
        """D, numbers in an embedding."""

    @property
    def fingerprint(self) -> str:
        """Tells models apart whose embeddings cannot be compared."""

    @property
    def decision(self) -> Decision | None:
        """The model's calibration, where it has one."""

    def embed(self, audio: Any, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """The unit vector [D] of one recording."""


class Gallery:
    """Named speakers in a file, enrolled and identified by a model; threads and processes may share it.

        book = Gallery("staff.db", model)
        book.enrol("ana", ["a1.wav", "a2.wav"])
        book.identify("x.wav", top=3).name  # "ana", or None: nobody who is enrolled

    A speaker's vector is the mean of the unit embeddings of its recordings; the score is the cosine with it.

    Args:
        path: an SQLite file, made on first use; an address `postgresql://user@host/database` (needs the extra
            `postgres`); or a `GalleryStore`.
        model: embeds recordings; None is enough for embeddings, and for listing, renaming, forgetting, exporting.
    """

    def __init__(self, path: str | Path | GalleryStore, model: Embedder | None = None) -> None:
        if isinstance(path, (str, Path)):
            self.store: GalleryStore = open_store(path)
            self.path = str(self.store) if is_address(path) else str(path)
        else:
            self.store, self.path = path, type(path).__name__
        self.model = model
        self._start()

    def __getstate__(self) -> dict[str, Any]:
        return {"store": self.store, "path": self.path, "model": self.model}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def _start(self) -> None:
        self._search = SpeakerSearch(f"{self.path}.index" if isinstance(self.store, SqliteStore) else None)
        self._generation = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many speakers are enrolled."""
        return len(self.speakers())

    def enrol(self, name: str, recordings: Sequence[Any] | Any) -> Speaker:
        """Adds recordings (whatever the model's `embed` takes), or embeddings [D] or [N, D], to the speaker `name`.

        All are embedded before anything is stored. Raises InputError for an empty name, no recordings, a recording
        that cannot be embedded, or a file that another model has filled.
        """
        check_name(name)
        vectors, sources = self._vectors(recordings)
        return self.store.enrol(name, vectors, sources, self._fingerprint)

    def enrol_many(self, names: Sequence[str], embeddings: np.ndarray) -> None:
        """Enrols many speakers at once, all or none: a name [N] for each of the embeddings [N, D]; names may repeat.

        Raises InputError for counts that differ, or as `enrol` does.
        """
        vectors, sources = self._vectors(np.atleast_2d(embeddings))
        if len(names) != len(vectors):
            raise InputError(f"{len(names)} names for {len(vectors)} embeddings; one name each is needed")
        for name in names:
            check_name(name)
        self.store.enrol_many(names, vectors, sources, self._fingerprint)

    def identify(
        self, recording: Any, top: int = 1, p_target: float = 0.5, threshold: float | None = None
    ) -> Identification:
        """The `top` speakers who are nearest to a recording (or embedding [D]), and who of them it is.

        Args:
            p_target: prior of one enrolled speaker against a stranger, for the threshold of the model's calibration.
            threshold: a cosine that decides instead of the calibration.

        Raises:
            InputError: nobody is enrolled, `top` below 1, or neither calibration nor threshold.
        """
        if top < 1:
            raise InputError(f"top is {top}; at least one candidate is needed")
        decision = None if self.model is None else self.model.decision
        if threshold is None:
            if decision is None:
                raise InputError(NO_THRESHOLD.format(path=self.path))
            threshold = decision.threshold(p_target)
        vector = self._vectors(recording)[0][0]
        ids, scores = self._nearest(vector, top)
        if not len(ids):
            raise InputError(f"{self.path}: nobody is enrolled; enrol a speaker first")
        found = [
            Candidate(name, score, None if decision is None else decision.scale * score + decision.offset)
            for name, score in zip(self.store.names(ids.tolist()), scores.tolist())
            if name is not None
        ]
        known = bool(found) and found[0].score >= threshold
        return Identification(found[0].name if known else None, found, threshold)

    def rename(self, name: str, new: str) -> None:
        """Gives a speaker another name. Raises InputError where `name` is unknown or `new` is taken."""
        self.store.rename(name, new)

    def forget(self, name: str) -> int:
        """Removes a speaker and all its embeddings; returns how many there were. Raises InputError if unknown."""
        return self.store.forget(name)

    def speakers(self) -> list[Speaker]:
        """All speakers, by name."""
        return self.store.speakers()

    def export(self, path: str | Path) -> Path:
        """Writes every enrolled embedding into an npz: `ids` [N] (`name/1`, ...), `names`, `sources`, `embeddings`."""
        from speakerssl.io import atomic_path

        names, sources, vectors = self.store.embeddings()
        seen: dict[str, int] = {}
        ids = []
        for name in names:
            seen[name] = seen.get(name, 0) + 1
            ids.append(f"{name}/{seen[name]}".replace(" ", "_"))
        with atomic_path(Path(path).with_suffix(".npz")) as temporary:
            np.savez(
                temporary, ids=np.array(ids, "U"), embeddings=vectors,
                names=np.array(names, "U"), sources=np.array(sources, "U"),
            )  # fmt: skip
        return Path(path).with_suffix(".npz")

    @property
    def _fingerprint(self) -> str:
        return "" if self.model is None else self.model.fingerprint

    def _nearest(self, vector: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids and cosines of the nearest speakers: by the store where it can search, else from memory."""
        dimension = self.store.dimension()
        if dimension is not None and dimension != len(vector):
            raise InputError(f"{self.path}: holds embeddings of {dimension} numbers, this one has {len(vector)}")
        if isinstance(self.store, SearchingStore):
            return self.store.nearest(vector, top)
        with self._lock:
            self._refresh()
            return self._search.nearest(vector, top)

    def _refresh(self) -> None:
        changes = self.store.changes(self._generation)
        if changes.generation != self._generation:
            self._search.update(changes.ids, changes.vectors, changes.removed)
            self._generation = changes.generation

    def _vectors(self, recordings: Any) -> tuple[np.ndarray, list[str]]:
        """Unit vectors float32 [N, D] of what `enrol` and `identify` take, and where each comes from."""
        given = as_embeddings(recordings, None if self.model is None else self.model.embed_dim)
        sources = ["embedding"] * (0 if given is None else len(given))
        if given is None:
            if self.model is None:
                raise InputError(f"{self.path}: recordings need a model; open the gallery with one, or give embeddings")
            items = recordings if isinstance(recordings, (list, tuple)) else [recordings]
            if not items:
                raise InputError("no recordings are given")
            sources = [str(item) if isinstance(item, (str, Path)) else "array" for item in items]
            given = np.stack([self.model.embed(item) for item in items])
        norms = np.linalg.norm(given, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not (norms > 0).all():
            raise InputError("an embedding is zero or holds NaN or infinity")
        return np.ascontiguousarray(given / norms, np.float32), sources


def is_address(path: Any) -> bool:
    """Whether a gallery is named by the address of a PostgreSQL database, and not by a file."""
    return isinstance(path, str) and path.startswith(("postgresql://", "postgres://"))


def open_store(path: str | Path) -> GalleryStore:
    """The store that a path or address names."""
    if is_address(path):
        from speakerssl.gallery.postgres import PostgresStore

        return PostgresStore(str(path))
    return SqliteStore(path)


def as_embeddings(value: Any, size: int | None) -> np.ndarray | None:
    """`value` as embeddings [N, D], or None where it is something else: a path, a list, samples.

    Where a model gives `size`, its D, an array is taken for embeddings only if it ends in that many numbers.
    """
    if not isinstance(value, np.ndarray) or value.ndim not in (1, 2) or not value.size:
        return None
    if size is not None and value.shape[-1] != size:
        return None
    return np.atleast_2d(value).astype(np.float32)


def check_name(name: str) -> None:
    """Raises InputError where `name` is no name: empty, or with line breaks or other characters that cannot be seen."""
    if not name.strip() or not name.isprintable():
        raise InputError(f"a speaker needs a name of printable characters, not {name[:80]!r}")
