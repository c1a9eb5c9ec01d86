"""Speakers in PostgreSQL with pgvector: one gallery for many machines, searched in the database.

The tables are those of sqlite.py with vectors in pgvector's type. The nearest speakers are found there: exactly
while they are few, through an HNSW index (Malkov and Yashunin 2018) above `INDEX_FROM`. Needs the extra `postgres`, and
the extension `vector` on the server (Debian: postgresql-NN-pgvector).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import numpy as np

from speakerssl.errors import InputError, JobError
from speakerssl.gallery.per_thread import PerThreadConnections
from speakerssl.gallery.records import Changes, Speaker, unit_mean

VERSION = 1
LOCK = 7_359_021  # of the advisory lock that writers of galleries take, so that generations are in order
INDEX_FROM = 20_000  # speakers; comparing with all of them takes some milliseconds up to there
EF_SEARCH = 400  # neighbours that the index looks at
SCHEMA = """
CREATE TABLE {p}facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE {p}speakers (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE, enrolled TEXT NOT NULL,
  vector vector, changed BIGINT NOT NULL);
CREATE INDEX {p}speakers_changed ON {p}speakers (changed);
CREATE TABLE {p}embeddings (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  speaker BIGINT NOT NULL REFERENCES {p}speakers (id) ON DELETE CASCADE, source TEXT NOT NULL, vector vector NOT NULL);
CREATE INDEX {p}embeddings_speaker ON {p}embeddings (speaker);
CREATE TABLE {p}removed (id BIGINT PRIMARY KEY, generation BIGINT NOT NULL);
"""
PREFIX = "speakerssl_"


class PostgresStore(PerThreadConnections):
    """A `GalleryStore` in the database `address` (`postgresql://user@host/database`); tables are made on first use.

    One object may be shared among threads, and pickled: every thread and process has its own connection.

    Raises:
        JobError: the package psycopg or the server's extension `vector` is missing, or the server cannot be reached.
        InputError: the tables are of another version.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address)
        with self._transaction() as cursor:
            # One process makes the tables; the others wait for it.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            cursor.execute("SELECT to_regclass(%s)", (f"{PREFIX}facts",))
            if cursor.fetchone()[0] is None:
                self._create(cursor)
            elif self._fact(cursor, "version") != str(VERSION):
                raise InputError(f"{self}: is not a gallery of this version; name another database")

    def __str__(self) -> str:
        return without_password(self.path)

    def dimension(self) -> int | None:
        """D of the embeddings in the store; None while it is empty."""
        with self._transaction() as cursor:
            found = self._fact(cursor, "dimension")
        return None if found is None else int(found)

    def enrol(self, name: str, vectors: np.ndarray, sources: Sequence[str], model: str) -> Speaker:
        """Adds unit vectors [N, D] to the speaker `name`, who is made where there is none.

        Raises InputError where the store holds embeddings of another size, or of another model than `model` (its
        fingerprint, "" where it is not known).
        """
        with self._write(vectors.shape[1], model) as (cursor, generation):
            return self._enrol(cursor, name, vectors, sources, generation)

    def enrol_many(self, names: Sequence[str], vectors: np.ndarray, sources: Sequence[str], model: str) -> None:
        """Adds the unit vector of each row of [N, D] to the speaker of the same place in `names`: all or none."""
        with self._write(vectors.shape[1], model) as (cursor, generation):
            for row, name in enumerate(names):
                self._enrol(cursor, name, vectors[row : row + 1], sources[row : row + 1], generation)

    def rename(self, name: str, new: str) -> None:
        """Gives a speaker another name. Raises InputError where `name` is unknown or `new` is taken."""
        with self._transaction() as cursor:
            self._id(cursor, name)
            cursor.execute(f"SELECT 1 FROM {PREFIX}speakers WHERE name = %s", (new,))
            if cursor.fetchone():
                raise InputError(f"{self}: there is a speaker '{new}' already; forget one of the two first")
            cursor.execute(f"UPDATE {PREFIX}speakers SET name = %s WHERE name = %s", (new, name))

    def forget(self, name: str) -> int:
        """Removes a speaker and all its embeddings; returns how many there were. Raises InputError if unknown."""
        with self._write() as (cursor, generation):
            speaker = self._id(cursor, name)
            cursor.execute(f"SELECT COUNT(*) FROM {PREFIX}embeddings WHERE speaker = %s", (speaker,))
            count = int(cursor.fetchone()[0])
            cursor.execute(f"DELETE FROM {PREFIX}speakers WHERE id = %s", (speaker,))
            cursor.execute(f"INSERT INTO {PREFIX}removed VALUES (%s, %s)", (speaker, generation))
        return count

    def speakers(self) -> list[Speaker]:
        """All speakers by name."""
        query = (
            f"SELECT s.name, COUNT(e.speaker), s.enrolled FROM {PREFIX}speakers s LEFT JOIN {PREFIX}embeddings e "
            'ON e.speaker = s.id GROUP BY s.id ORDER BY s.name COLLATE "C"'
        )
        with self._transaction() as cursor:
            return [Speaker(*row) for row in cursor.execute(query).fetchall()]

    def names(self, ids: Sequence[int]) -> list[str | None]:
        """The names of ids; None where a speaker was removed in the meantime."""
        with self._transaction() as cursor:
            query = f"SELECT id, name FROM {PREFIX}speakers WHERE id = ANY(%s)"
            found = dict(cursor.execute(query, ([int(one) for one in ids],)).fetchall())
        return [found.get(int(one)) for one in ids]

    def nearest(self, vector: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids [top] and cosines [top] of the speakers nearest to a unit vector [D], the best first; maybe fewer."""
        with self._transaction() as cursor:
            # Inside one transaction, so that the next one of this connection has its own settings.
            cursor.execute(f"SET LOCAL hnsw.ef_search = {max(EF_SEARCH, min(1000, 2 * top))}")
            size = len(vector)
            distance = f"vector::vector({size}) <#> %s::vector({size})"
            query = f"SELECT id, -({distance}) FROM {PREFIX}speakers ORDER BY {distance}, id LIMIT %s"
            text = _text(vector)
            rows = cursor.execute(query, (text, text, top)).fetchall()
        return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float32)

    def build_index(self) -> bool:
        """Builds the HNSW index where there are `INDEX_FROM` speakers and none yet; whether there is one now.

        Run it after a large enrolment: the database keeps the index itself from then on.
        """
        with self._transaction() as cursor:
            size = self._fact(cursor, "dimension")
            (count,) = cursor.execute(f"SELECT COUNT(*) FROM {PREFIX}speakers").fetchone()
            if size is None or count < INDEX_FROM:
                return False
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS {PREFIX}nearest ON {PREFIX}speakers "
                f"USING hnsw ((vector::vector({int(size)})) vector_ip_ops)"
            )
        return True

    def changes(self, generation: int) -> Changes:
        """What was enrolled and forgotten after `generation`; 0 gives everybody."""
        with self._transaction() as cursor:
            size = int(self._fact(cursor, "dimension") or 0)
            now = int(self._fact(cursor, "generation") or 0)
            query = f"SELECT id, vector::text FROM {PREFIX}speakers WHERE changed > %s ORDER BY id"
            rows = cursor.execute(query, (generation,)).fetchall()
            gone = cursor.execute(f"SELECT id FROM {PREFIX}removed WHERE generation > %s", (generation,)).fetchall()
        ids = np.array([row[0] for row in rows], np.int64)
        return Changes(now, ids, _matrix([row[1] for row in rows], size), np.array(gone, np.int64).ravel())

    def embeddings(self) -> tuple[list[str], list[str], np.ndarray]:
        """Speaker names [N], sources [N] and unit vectors float32 [N, D] of every enrolled recording."""
        query = (
            f"SELECT s.name, e.source, e.vector::text FROM {PREFIX}embeddings e JOIN {PREFIX}speakers s "
            'ON s.id = e.speaker ORDER BY s.name COLLATE "C", e.id'
        )
        with self._transaction() as cursor:
            rows = cursor.execute(query).fetchall()
            size = int(self._fact(cursor, "dimension") or 0)
        return [row[0] for row in rows], [row[1] for row in rows], _matrix([row[2] for row in rows], size)

    @contextmanager
    def _write(self, size: int | None = None, model: str = "") -> Iterator[tuple[Any, int]]:
        """A transaction that no other writer of galleries runs beside, and its generation."""
        with self._transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            if size is not None:
                self._check_model(cursor, size, model)
            cursor.execute(f"UPDATE {PREFIX}facts SET value = (value::bigint + 1)::text WHERE key = 'generation'")
            yield cursor, int(self._fact(cursor, "generation") or 0)

    def _check_model(self, cursor: Any, size: int, model: str) -> None:
        for key, value in (("dimension", str(size)), ("model", model)):
            found = self._fact(cursor, key)
            if found in (None, ""):
                query = f"INSERT INTO {PREFIX}facts VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = %s"
                cursor.execute(query, (key, value, value))
            elif value not in ("", found):
                raise InputError(
                    f"{self}: was filled by another model ({key} {found}, now {value}); their scores cannot be "
                    "compared: enrol everybody anew in another database"
                )

    @staticmethod
    def _enrol(cursor: Any, name: str, vectors: np.ndarray, sources: Sequence[str], generation: int) -> Speaker:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        query = f"INSERT INTO {PREFIX}speakers (name, enrolled, changed) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
        cursor.execute(query, (name, now, generation))
        query = f"SELECT id, enrolled FROM {PREFIX}speakers WHERE name = %s"
        speaker, enrolled = cursor.execute(query, (name,)).fetchone()
        rows = [(speaker, source, _text(vector)) for source, vector in zip(sources, vectors, strict=True)]
        cursor.executemany(f"INSERT INTO {PREFIX}embeddings (speaker, source, vector) VALUES (%s, %s, %s)", rows)
        query = f"SELECT vector::text FROM {PREFIX}embeddings WHERE speaker = %s ORDER BY id"
        texts = [row[0] for row in cursor.execute(query, (speaker,)).fetchall()]
        mean = unit_mean(_matrix(texts, vectors.shape[1]))
        query = f"UPDATE {PREFIX}speakers SET vector = %s, changed = %s WHERE id = %s"
        cursor.execute(query, (_text(mean), generation, speaker))
        return Speaker(name, len(texts), enrolled)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            import psycopg
        except ImportError:
            raise JobError("a gallery in PostgreSQL needs psycopg: pip install 'speakerssl[postgres]'") from None
        try:
            connection = getattr(self._local, "connection", None)
            if connection is None or connection.closed:
                connection = self._local.connection = psycopg.connect(self.path, connect_timeout=10)
            with connection.transaction(), connection.cursor() as cursor:
                yield cursor
        except psycopg.OperationalError as error:
            self.close()
            reason = str(error).strip().split("\n")[0]
            raise JobError(f"{self}: cannot be reached or written: {reason}") from None
        except psycopg.Error as error:
            reason = str(error).strip().split("\n")[0]
            raise InputError(f"{self}: cannot be used as a gallery: {reason}") from None

    def _create(self, cursor: Any) -> None:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
        if cursor.fetchone() is None:
            raise JobError(f"{self}: the server lacks the extension vector; install pgvector (postgresql-NN-pgvector)")
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
        for statement in SCHEMA.format(p=PREFIX).split(";"):
            if statement.strip():
                cursor.execute(statement)
        cursor.execute(f"INSERT INTO {PREFIX}facts VALUES ('version', %s), ('generation', '0')", (str(VERSION),))

    @staticmethod
    def _fact(cursor: Any, key: str) -> str | None:
        row = cursor.execute(f"SELECT value FROM {PREFIX}facts WHERE key = %s", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _id(self, cursor: Any, name: str) -> int:
        row = cursor.execute(f"SELECT id FROM {PREFIX}speakers WHERE name = %s", (name,)).fetchone()
        if row is None:
            raise InputError(f"{self}: there is no speaker '{name}'")
        return int(row[0])


def without_password(address: str) -> str:
    """The address as it may be shown: `postgresql://user:secret@host/db` without the secret."""
    scheme, separator, rest = address.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{place}"


def _text(vector: np.ndarray) -> str:
    """A vector in pgvector's notation; nine digits give back every float32."""
    return "[" + ",".join(f"{value:.9g}" for value in vector.tolist()) + "]"


def _matrix(texts: Sequence[str], size: int) -> np.ndarray:
    if not texts:
        return np.zeros((0, size), np.float32)
    return np.stack([np.array(text[1:-1].split(","), np.float32) for text in texts])
