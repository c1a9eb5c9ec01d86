"""The gallery on a real PostgreSQL server that the test starts: the same answers as SQLite's, two writers, an index."""

import glob
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError, JobError
from speakerssl.gallery import Gallery, postgres
from speakerssl.gallery.postgres import PostgresStore, without_password

DIM = 16


def server_programs() -> Path:
    """The folder of initdb and pg_ctl of a server that has pgvector: Debian's, or that of the package pgserver."""
    extensions = [
        *glob.glob("/usr/share/postgresql/*/extension/vector.control"),
        *glob.glob(
            f"{sys.prefix}/lib/python*/site-packages/pgserver/pginstall/share/postgresql/extension/vector.control"
        ),
    ]
    for path in extensions:
        for folder in (Path(f"/usr/lib/postgresql/{Path(path).parts[4]}/bin"), Path(path).parents[3] / "bin"):
            if (folder / "initdb").is_file():
                return folder
    pytest.skip("needs a PostgreSQL server with pgvector: apt-get install postgresql-NN-pgvector, or pip's pgserver")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database on a server of our own, on the loopback, which ends with the tests."""
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    programs = server_programs()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(f"/tmp/speakerssl-pg-{os.getpid()}")  # not below pytest's folder, which only root may enter
    folder.mkdir(mode=0o700)
    user: dict[str, object] = {}
    if os.geteuid() == 0:  # the server does not run as root
        import pwd

        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": "nobody", "group": nobody.pw_gid, "extra_groups": []}

    def call(*command: str) -> None:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, **user)  # type: ignore[call-overload]
        if done.returncode:
            pytest.skip(f"PostgreSQL cannot be started here: {(done.stderr or done.stdout)[-300:]}")

    data = str(folder / "data")
    try:
        call(str(programs / "initdb"), "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories= -c fsync=off"
        call(str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            call(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture
def address(server: str) -> str:
    """A database of its own for each test."""
    import psycopg

    name = f"gallery{np.random.default_rng().integers(1 << 40)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres", f"/{name}")


def vectors(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_same_answers_as_sqlite(address: str, tmp_path: Path) -> None:
    both = Gallery(address), Gallery(tmp_path / "staff.db")
    names = [f"speaker{number}" for number in (*range(30), *range(5))]
    for book in both:
        book.enrol_many(names, vectors(35))
        book.rename("speaker7", "Ana Lima")
        assert book.forget("speaker3") == 2
    for query in vectors(20, seed=1):
        ours, other = (book.identify(query, top=5, threshold=0.2) for book in both)
        assert ours.name == other.name
        assert [one.name for one in ours.candidates] == [one.name for one in other.candidates]
        np.testing.assert_allclose(
            [one.score for one in ours.candidates], [one.score for one in other.candidates], atol=1e-5
        )
    assert [one.name for one in both[0].speakers()] == [one.name for one in both[1].speakers()]
    exported = [np.load(book.export(tmp_path / f"{i}.npz")) for i, book in enumerate(both)]
    assert (exported[0]["ids"] == exported[1]["ids"]).all()
    assert (exported[0]["embeddings"] == exported[1]["embeddings"]).all()  # every float32 comes back as it was
    changes = [book.store.changes(0) for book in both]
    np.testing.assert_allclose(changes[0].vectors, changes[1].vectors, atol=1e-6)
    assert len(changes[0].removed) == 1


def test_mistakes_are_one_line(address: str) -> None:
    book = Gallery(address)
    with pytest.raises(InputError, match="nobody is enrolled"):
        book.identify(vectors(1)[0], threshold=0.0)
    book.enrol("ana", vectors(1))
    with pytest.raises(InputError, match="there is no speaker 'ben'"):
        book.forget("ben")
    book.enrol("ben", vectors(1))
    with pytest.raises(InputError, match="a speaker 'ana' already"):
        book.rename("ben", "ana")
    with pytest.raises(InputError, match=r"another model \(dimension 16, now 3"):
        book.enrol("cleo", np.ones((1, 3), np.float32))
    with pytest.raises(InputError, match="holds embeddings of 16 numbers, this one has 3"):
        book.identify(np.ones(3, np.float32), threshold=0.0)
    with pytest.raises(JobError, match="cannot be reached") as error:
        Gallery("postgresql://tester:secret@127.0.0.1:1/postgres")
    assert "secret" not in str(error.value)
    assert without_password("postgresql://me:secret@host/db") == "postgresql://me@host/db"


def test_threads_and_pickles_lose_nothing(address: str) -> None:
    book = Gallery(address)
    rows = vectors(40)

    def enrol(number: int) -> None:
        own = pickle.loads(pickle.dumps(book)) if number % 2 else book
        own.enrol(f"speaker{number % 10}", rows[number])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enrol, range(40)))
    assert [one.recordings for one in Gallery(address).speakers()] == [4] * 10
    assert Gallery(address).store.changes(0).generation == 40


def test_the_index_gives_the_best_speaker(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "INDEX_FROM", 300)
    store = PostgresStore(address)
    assert not store.build_index()
    rows = vectors(600)
    store.enrol_many([f"s{i}" for i in range(600)], rows, ["array"] * 600, "")
    assert store.build_index()
    near = vectors(600)[:40] + 0.1 * vectors(40, seed=2)
    hits = 0
    for row in near / np.linalg.norm(near, axis=1, keepdims=True):
        ids, scores = store.nearest(row, 1)
        exact = rows @ row
        hits += store.names(ids.tolist()) == [f"s{int(exact.argmax())}"]
        assert scores[0] == pytest.approx(exact.max(), abs=1e-5)
    assert hits == 40
