"""Speakers in one SQLite file: generations, whole transactions, two writers, files that are none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError, JobError
from speakerssl.gallery import Gallery
from speakerssl.gallery.sqlite import CHANGED, SqliteStore


def test_not_a_gallery(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is a text and no database at all\n" * 100)
    with pytest.raises(InputError, match="cannot be used as a gallery"):
        Gallery(tmp_path / "text")
    with pytest.raises(InputError, match="cannot be used as a gallery"):
        Gallery(tmp_path / "no" / "folder.db")


def test_two_writing_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    Gallery(path)
    code = (
        "import sys, numpy as np; from speakerssl.gallery import Gallery; book = Gallery(sys.argv[1])\n"
        "rng = np.random.default_rng(int(sys.argv[2]))\n"
        "for number in range(40):\n"
        "    book.enrol(f'{sys.argv[2]}-{number}', rng.standard_normal(8))\n"
        "    book.enrol('both', rng.standard_normal(8))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(seed)]) for seed in (1, 2)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    counts = {speaker.name: speaker.recordings for speaker in Gallery(path).speakers()}
    assert len(counts) == 81
    assert counts["both"] == 80


def unit(*numbers: float) -> np.ndarray:
    vector = np.array([numbers], np.float32)
    return vector / np.linalg.norm(vector)


def test_a_reader_gets_what_changed_since_its_generation(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "g.db")
    assert store.dimension() is None
    assert store.changes(0).ids.tolist() == []
    store.enrol("ana", unit(1, 0), ["a.wav"], "model")
    store.enrol("ben", unit(0, 1), ["b.wav"], "model")
    first = store.changes(0)
    assert store.dimension() == 2
    assert store.names(first.ids.tolist()) == ["ana", "ben"]
    store.enrol("ana", unit(0, 1), ["c.wav"], "model")
    store.forget("ben")
    later = store.changes(first.generation)
    assert store.names(later.ids.tolist()) == ["ana"]
    np.testing.assert_allclose(later.vectors, unit(1, 1), atol=1e-6)
    assert later.removed.tolist() == first.ids[1:].tolist()
    assert store.names(first.ids.tolist()) == ["ana", None]
    nothing = store.changes(later.generation)
    assert (len(nothing.ids), len(nothing.removed), nothing.generation) == (0, 0, later.generation)


def test_a_query_does_not_walk_everybody(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "g.db")
    store.enrol_many([str(number) for number in range(2000)], np.eye(2000, 8) + 1.0, ["a.wav"] * 2000, "model")
    with store._transaction(write=False) as cursor:  # what SQLite would do is known by asking it alone
        plan = " ".join(str(row) for row in cursor.execute(f"EXPLAIN QUERY PLAN {CHANGED}", (1,)))
    assert "speakers_changed" in plan
    store.enrol("new", unit(*range(1, 9)), ["b.wav"], "model")
    store.enrol("1", unit(*range(1, 9)), ["b.wav"], "model")
    assert store.names(store.changes(1).ids.tolist()) == ["1", "new"]  # in the order of ids


def test_all_or_none(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "g.db")
    with pytest.raises(ValueError, match="argument"):
        store.enrol_many(["ana", "ben"], np.concatenate([unit(1, 0), unit(0, 1)]), ["a.wav"], "m")  # a source too few
    assert store.speakers() == []
    assert store.changes(0).generation == 0
    store.enrol_many(["ana", "ben", "ana"], np.concatenate([unit(1, 0), unit(0, 1), unit(0, 1)]), ["a", "b", "c"], "m")
    assert [(speaker.name, speaker.recordings) for speaker in store.speakers()] == [("ana", 2), ("ben", 1)]
    names, sources, vectors = store.embeddings()
    assert (names, sources) == (["ana", "ana", "ben"], ["a", "c", "b"])
    np.testing.assert_array_equal(vectors[1], unit(0, 1)[0])


def test_a_full_disk_is_a_failed_job(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "g.db")
    store.enrol("ana", unit(1, 0), ["a"], "m")
    (pages,) = store._connection().execute("PRAGMA page_count").fetchone()
    store._connection().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JobError, match=r"g\.db: cannot be written: .*full; nothing of this call was kept"):
        store.enrol_many(["ben"] * 500, np.repeat(unit(1, 0), 500, axis=0), ["x" * 100] * 500, "m")
    assert [speaker.name for speaker in store.speakers()] == ["ana"]
