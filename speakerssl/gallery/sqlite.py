"""Speakers in one SQLite file, which several processes may read and write at a time.

A write is one immediate transaction, so writers queue instead of overwriting each other; the write-ahead log lets
readers go on meanwhile. Each write raises the `generation`; a reader fetches what has changed since the one it knows.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from speakerssl.errors import InputError, JobError
from speakerssl.gallery.per_thread import PerThreadConnections
from speakerssl.gallery.records import Changes, Speaker, unit_mean

TIMEOUT = 30.0  # seconds that a writer waits for another
VERSION = 1
SCHEMA = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE speakers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, enrolled TEXT NOT NULL, vector BLOB NOT NULL,
  changed INTEGER NOT NULL);
CREATE INDEX speakers_changed ON speakers (changed);
CREATE TABLE embeddings (
  speaker INTEGER NOT NULL REFERENCES speakers (id) ON DELETE CASCADE, source TEXT NOT NULL, vector BLOB NOT NULL);
CREATE INDEX embeddings_speaker ON embeddings (speaker);
CREATE TABLE removed (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
"""
# `+id` keeps SQLite from walking all speakers in the order of their ids, 0.3 s for a million, to find a few changes.
CHANGED = "SELECT id, vector FROM speakers WHERE changed > ? ORDER BY +id"
EVERYBODY = "SELECT id, vector FROM speakers WHERE changed > ? ORDER BY id"


class SqliteStore(PerThreadConnections):
    """A `GalleryStore` in the file `path`, which is made on first use.

    One object may be shared among threads, and pickled: every thread and process has its own connection.
    Raises InputError where the file is no gallery or cannot be opened; a full disk is a JobError.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(str(path))
        with self._transaction(write=False) as cursor:
            (tables,) = cursor.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            if tables and self._fact(cursor, "version") != VERSION:
                raise InputError(f"{self.path}: is not a gallery of this version; name another file")
        if not tables:
            with self._transaction() as cursor:
                self._create(cursor)

    def dimension(self) -> int | None:
        """D of the embeddings in the store; None while it is empty."""
        with self._transaction(write=False) as cursor:
            found = self._fact(cursor, "dimension")
        return None if found is None else int(found)

    def enrol(self, name: str, vectors: np.ndarray, sources: Sequence[str], model: str) -> Speaker:
        """Adds unit vectors [N, D] to the speaker `name`, who is made where there is none.

        Raises InputError where the store holds embeddings of another size, or of another model than `model` (its
        fingerprint, "" where it is not known).
        """
        with self._transaction() as cursor:
            self._check_model(cursor, vectors.shape[1], model)
            return self._enrol(cursor, name, vectors, sources, self._next_generation(cursor))

    def enrol_many(self, names: Sequence[str], vectors: np.ndarray, sources: Sequence[str], model: str) -> None:
        """Adds the unit vector of each row of [N, D] to the speaker of the same place in `names`: all or none."""
        with self._transaction() as cursor:
            self._check_model(cursor, vectors.shape[1], model)
            generation = self._next_generation(cursor)
            for row, name in enumerate(names):
                self._enrol(cursor, name, vectors[row : row + 1], sources[row : row + 1], generation)

    def rename(self, name: str, new: str) -> None:
        """Gives a speaker another name. Raises InputError where `name` is unknown or `new` is taken."""
        with self._transaction() as cursor:
            self._id(cursor, name)
            if cursor.execute("SELECT 1 FROM speakers WHERE name = ?", (new,)).fetchone():
                raise InputError(f"{self.path}: there is a speaker '{new}' already; forget one of the two first")
            cursor.execute("UPDATE speakers SET name = ? WHERE name = ?", (new, name))

    def forget(self, name: str) -> int:
        """Removes a speaker and all its embeddings; returns how many there were. Raises InputError if unknown."""
        with self._transaction() as cursor:
            speaker = self._id(cursor, name)
            (count,) = cursor.execute("SELECT COUNT(*) FROM embeddings WHERE speaker = ?", (speaker,)).fetchone()
            cursor.execute("DELETE FROM speakers WHERE id = ?", (speaker,))
            cursor.execute("INSERT INTO removed VALUES (?, ?)", (speaker, self._next_generation(cursor)))
        return int(count)

    def speakers(self) -> list[Speaker]:
        """All speakers by name."""
        query = (
            "SELECT name, COUNT(embeddings.speaker), enrolled FROM speakers LEFT JOIN embeddings "
            "ON embeddings.speaker = speakers.id GROUP BY speakers.id ORDER BY name"
        )
        with self._transaction(write=False) as cursor:
            return [Speaker(*row) for row in cursor.execute(query)]

    def names(self, ids: Sequence[int]) -> list[str | None]:
        """The names of ids; None where a speaker was removed in the meantime."""
        with self._transaction(write=False) as cursor:
            rows = [cursor.execute("SELECT name FROM speakers WHERE id = ?", (int(i),)).fetchone() for i in ids]
        return [row and row[0] for row in rows]

    def changes(self, generation: int) -> Changes:
        """What was enrolled and forgotten after `generation`; 0 gives everybody."""
        with self._transaction(write=False) as cursor:
            size = int(self._fact(cursor, "dimension") or 0)
            now = int(self._fact(cursor, "generation") or 0)
            ids, blobs = [], []
            for speaker, blob in cursor.execute(CHANGED if generation else EVERYBODY, (generation,)):
                ids.append(speaker)
                blobs.append(blob)
            gone = cursor.execute("SELECT id FROM removed WHERE generation > ?", (generation,)).fetchall()
        return Changes(now, np.array(ids, np.int64), _matrix(blobs, size), np.array(gone, np.int64).ravel())

    def embeddings(self) -> tuple[list[str], list[str], np.ndarray]:
        """Speaker names [N], sources [N] and unit vectors float32 [N, D] of every enrolled recording."""
        query = (
            "SELECT name, source, embeddings.vector FROM embeddings JOIN speakers ON speakers.id = speaker "
            "ORDER BY name, embeddings.rowid"
        )
        with self._transaction(write=False) as cursor:
            rows = cursor.execute(query).fetchall()
            size = int(self._fact(cursor, "dimension") or 0)
        return [row[0] for row in rows], [row[1] for row in rows], _matrix([row[2] for row in rows], size)

    def _check_model(self, cursor: sqlite3.Cursor, size: int, model: str) -> None:
        for key, value in (("dimension", size), ("model", model)):
            found = self._fact(cursor, key)
            if found in (None, ""):
                cursor.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))
            elif value not in ("", found):
                raise InputError(
                    f"{self.path}: was filled by another model ({key} {found}, now {value}); their scores cannot be "
                    "compared: enrol everybody anew in another file"
                )

    @staticmethod
    def _enrol(
        cursor: sqlite3.Cursor, name: str, vectors: np.ndarray, sources: Sequence[str], generation: int
    ) -> Speaker:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        cursor.execute(
            "INSERT INTO speakers (name, enrolled, vector, changed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (name, now, b"", generation),
        )
        speaker, enrolled = cursor.execute("SELECT id, enrolled FROM speakers WHERE name = ?", (name,)).fetchone()
        rows = [(speaker, source, vector.tobytes()) for source, vector in zip(sources, vectors, strict=True)]
        cursor.executemany("INSERT INTO embeddings VALUES (?, ?, ?)", rows)
        blobs = cursor.execute("SELECT vector FROM embeddings WHERE speaker = ?", (speaker,)).fetchall()
        mean = unit_mean(_matrix([blob for (blob,) in blobs], vectors.shape[1]))
        cursor.execute(
            "UPDATE speakers SET vector = ?, changed = ? WHERE id = ?", (mean.tobytes(), generation, speaker)
        )
        return Speaker(name, len(blobs), enrolled)

    @contextmanager
    def _transaction(self, write: bool = True) -> Iterator[sqlite3.Cursor]:
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield connection.cursor()
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has ended it already
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            if "full" in str(error) or "disk I/O" in str(error):
                raise JobError(f"{self.path}: cannot be written: {error}; nothing of this call was kept") from None
            raise InputError(f"{self.path}: cannot be used as a gallery: {error}") from None

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            folder = os.path.dirname(os.path.abspath(self.path))
            if os.path.exists(self.path) and not os.access(folder, os.W_OK):
                # Nobody can write here, so no write-ahead log is needed, which could not be made.
                address = f"file:{quote(os.path.abspath(self.path))}?mode=ro&immutable=1"
                connection = sqlite3.connect(address, uri=True, isolation_level=None)
            else:
                connection = sqlite3.connect(self.path, timeout=TIMEOUT, isolation_level=None)
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection

    @staticmethod
    def _create(cursor: sqlite3.Cursor) -> None:
        (tables,) = cursor.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if not tables:  # else another process was quicker
            for statement in SCHEMA.split(";"):
                cursor.execute(statement)
            cursor.execute("INSERT INTO facts VALUES ('version', ?), ('generation', 0)", (VERSION,))

    @staticmethod
    def _fact(cursor: sqlite3.Cursor, key: str) -> Any:
        row = cursor.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _next_generation(self, cursor: sqlite3.Cursor) -> int:
        cursor.execute("UPDATE facts SET value = value + 1 WHERE key = 'generation'")
        return int(self._fact(cursor, "generation"))

    def _id(self, cursor: sqlite3.Cursor, name: str) -> int:
        row = cursor.execute("SELECT id FROM speakers WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise InputError(f"{self.path}: there is no speaker '{name}'")
        return int(row[0])


def _matrix(blobs: list[bytes], size: int) -> np.ndarray:
    return np.frombuffer(b"".join(blobs), np.float32).reshape(-1, size) if blobs else np.zeros((0, size), np.float32)
