"""The gallery against a plain loop over cosines, with two writers, threads, other models and strangers."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.embeddings.decision import Decision
from speakerssl.errors import InputError
from speakerssl.gallery import Gallery, search

DIM = 32
DECISION = Decision(
    20.0, -10.0, np.array([0.0, 0.5, 0.9]), np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.1, 0.0]), "made", (9, 9)
)


@dataclass
class Model:
    """A recording is named `speaker-take`; its embedding is the speaker's direction and some noise of the take."""

    fingerprint: str = "one"
    decision: Decision | None = field(default_factory=lambda: DECISION)
    embed_dim: int = DIM

    def embed(self, audio: Any, sample_rate: int = 16000) -> np.ndarray:
        speaker, _, take = str(audio).partition("-")
        if speaker == "damaged":
            raise InputError(f"{audio}: cannot be read")
        vector = direction(speaker) + 0.4 * direction(f"{speaker} {take}")
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def direction(name: str) -> np.ndarray:
    vector = np.random.default_rng([ord(letter) for letter in name] or [0]).standard_normal(DIM)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def book(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path / "staff.db", Model())


def test_who_speaks(book: Gallery) -> None:
    assert book.enrol("ana", ["ana-1", "ana-2"]).recordings == 2
    book.enrol("ben", "ben-1")
    found = book.identify("ana-3", top=3)
    assert found.name == "ana"
    assert [candidate.name for candidate in found.candidates] == ["ana", "ben"]
    mean = np.mean([Model().embed("ana-1"), Model().embed("ana-2")], axis=0)
    score = float(Model().embed("ana-3") @ mean / np.linalg.norm(mean))
    assert found.candidates[0].score == pytest.approx(score, abs=1e-6)
    assert found.candidates[0].llr == pytest.approx(20 * score - 10, abs=1e-4)
    assert found.threshold == pytest.approx(0.5)


def test_a_stranger_is_unknown(book: Gallery) -> None:
    book.enrol("ana", "ana-1")
    assert book.identify("zoe-1").name is None
    assert book.identify("zoe-1", threshold=-1.0).name == "ana"
    assert book.identify("ana-2", p_target=1e-9).name is None  # a prior that only certainty overcomes


def test_more_recordings_of_one_speaker_are_added(book: Gallery) -> None:
    book.enrol("ana", "ana-1")
    assert book.enrol("ana", "ana-2").recordings == 2
    assert [(speaker.name, speaker.recordings) for speaker in book.speakers()] == [("ana", 2)]


def test_many_at_once_are_the_same_as_one_by_one(book: Gallery, tmp_path: Path) -> None:
    names = ["ana", "ben", "ana"]
    vectors = np.stack([Model().embed(f"{name}-{take}") for take, name in enumerate(names)])
    book.enrol_many(names, vectors)
    other = Gallery(tmp_path / "other.db", Model())
    for name, vector in zip(names, vectors):
        other.enrol(name, vector)
    assert book.identify("ana-9", top=2) == other.identify("ana-9", top=2)
    with pytest.raises(InputError, match="2 names for 3 embeddings"):
        book.enrol_many(names[:2], vectors)
    with pytest.raises(InputError, match="printable"):
        book.enrol_many(["eve", "a\tb", "c"], vectors)
    assert len(book) == 2


def test_rename_and_forget(book: Gallery) -> None:
    book.enrol("ana", ["ana-1", "ana-2"])
    book.enrol("ben", "ben-1")
    book.identify("ana-3")
    book.rename("ana", "Ana Lima")
    assert book.identify("ana-3").name == "Ana Lima"
    with pytest.raises(InputError, match="there is a speaker 'ben' already"):
        book.rename("Ana Lima", "ben")
    assert book.forget("Ana Lima") == 2
    assert book.identify("ana-3", threshold=-1.0).candidates[0].name == "ben"
    assert len(book) == 1
    with pytest.raises(InputError, match="no speaker 'ana'"):
        book.forget("ana")


def test_export(book: Gallery, tmp_path: Path) -> None:
    book.enrol("ana lima", ["ana-1", "ana-2"])
    found = np.load(book.export(tmp_path / "out"))
    assert found["ids"].tolist() == ["ana_lima/1", "ana_lima/2"]
    assert found["sources"].tolist() == ["ana-1", "ana-2"]
    np.testing.assert_array_equal(found["embeddings"][1], Model().embed("ana-2"))


def test_a_recording_that_fails_stores_nothing(book: Gallery) -> None:
    with pytest.raises(InputError, match="damaged-1: cannot be read"):
        book.enrol("ana", ["ana-1", "damaged-1"])
    assert len(book) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda book: book.enrol(" ", "a-1"), "needs a name"),
        (lambda book: book.enrol("a\nb", "a-1"), "printable"),
        (lambda book: book.enrol("ana", []), "no recordings"),
        (lambda book: book.enrol("ana", np.zeros(DIM)), "zero"),
        (lambda book: book.identify("ana-1"), "nobody is enrolled"),
        (lambda book: book.identify("ana-1", top=0), "top is 0"),
        (lambda book: book.identify("ana-1", p_target=1.0), "p_target is 1"),
        (lambda book: Gallery(book.path, Model(decision=None)).identify("ana-1"), "calibrate-model"),
        (lambda book: Gallery(book.path).enrol("ana", "ana-1"), "need a model"),
    ],
)
def test_mistakes_are_one_line(book: Gallery, call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        call(book)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_another_models_embeddings_are_refused(book: Gallery) -> None:
    book.enrol("ana", "ana-1")
    with pytest.raises(InputError, match="another model"):
        Gallery(book.path, Model(fingerprint="two")).enrol("ben", "ben-1")
    with pytest.raises(InputError, match="32 numbers, this one has 8"):
        Gallery(book.path, Model(embed_dim=8)).identify(np.ones(8), threshold=0.0)


def test_embeddings_without_a_model(tmp_path: Path) -> None:
    book = Gallery(tmp_path / "g.db")
    book.enrol("ana", np.stack([Model().embed("ana-1"), Model().embed("ana-2")]))
    assert book.identify(3 * Model().embed("ana-3"), threshold=0.5).name == "ana"
    Gallery(tmp_path / "g.db", Model()).enrol("ben", "ben-1")  # from now on the model is known
    with pytest.raises(InputError, match="another model"):
        Gallery(tmp_path / "g.db", Model(fingerprint="two")).enrol("eve", "eve-1")


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


def test_threads_and_pickles_share_one_gallery(book: Gallery) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: book.enrol(f"s{number}", f"s{number}-1"), range(20)))
        names = list(pool.map(lambda number: book.identify(f"s{number}-1").name, range(20)))
    assert names == [f"s{number}" for number in range(20)]
    assert pickle.loads(pickle.dumps(book)).identify("s3-1").name == "s3"


def test_a_reader_sees_what_another_wrote(book: Gallery) -> None:
    book.enrol("ana", "ana-1")
    other = Gallery(book.path, Model())
    assert other.identify("ana-2").name == "ana"
    book.enrol("ben", "ben-1")
    assert other.identify("ben-2").name == "ben"
    book.forget("ben")
    assert other.identify("ben-2").name is None


def test_a_place_that_cannot_be_written_can_be_read(book: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    book.enrol("ana", "ana-1")
    book.store.close()  # type: ignore[attr-defined]
    monkeypatch.setattr("os.access", lambda *_: False)
    assert Gallery(book.path, Model()).identify("ana-2").name == "ana"


def test_the_compressed_index_gives_what_comparing_all_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EXACT_BELOW", 1500)
    monkeypatch.setattr(search, "RERANKED", 200)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2000, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids, nobody = np.arange(2000), np.zeros(0, np.int64)
    kept = search.SpeakerSearch(tmp_path / "g.index")
    kept.update(ids, vectors, nobody)
    assert kept._index is not None
    changed = np.array([5, 700])
    for place in range(2):
        vectors[changed[place]] = vectors[10 + place]  # a tie with another speaker
    kept.update(changed, vectors[changed], np.array([3, 4]))
    alive = np.setdiff1d(ids, [3, 4])
    again = search.SpeakerSearch(tmp_path / "g.index")
    again.update(ids, vectors, nobody)  # reads the file
    for query in [*(vectors[:60] + 0.3 * rng.standard_normal((60, DIM)) / DIM**0.5), vectors[10]]:
        query = (query / np.linalg.norm(query)).astype(np.float32)
        scores = vectors[alive] @ query
        order = np.lexsort((alive, -scores))[:3]
        found, cosines = kept.nearest(query, 3)
        np.testing.assert_array_equal(found, alive[order])
        np.testing.assert_allclose(cosines, scores[order], atol=1e-6)


def test_a_new_process_takes_the_kept_index_and_searches_the_changes_beside_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(search, "EXACT_BELOW", 500)
    rng, nobody = np.random.default_rng(0), np.zeros(0, np.int64)
    vectors = rng.standard_normal((1000, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    search.SpeakerSearch(tmp_path / "g.index").update(np.arange(980), vectors[:980], nobody)
    built = []
    monkeypatch.setattr(search.SpeakerSearch, "_build", lambda _: built.append(1))
    vectors[40] = vectors[999]  # 20 new ones, one changed, one gone
    ids = np.setdiff1d(np.arange(1000), [7])
    again = search.SpeakerSearch(tmp_path / "g.index")
    again.update(ids, vectors[ids], nobody)
    assert not built
    np.testing.assert_array_equal(again._fresh, [40, *range(980, 1000)])
    for one in (3, 40, 985, 999):
        found, scores = again.nearest(vectors[one], 1)
        assert found[0] == (40 if one == 999 else one)
        assert scores[0] == pytest.approx(1.0, abs=1e-5)
    assert again.nearest(vectors[7], 1)[0][0] != 7
    more = search.SpeakerSearch(tmp_path / "g.index")
    more.update(np.arange(1000), np.roll(vectors, 1, axis=0), nobody)
    assert built == [1]  # too much has changed


def test_a_stale_index_file_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EXACT_BELOW", 100)
    rng, nobody = np.random.default_rng(0), np.zeros(0, np.int64)
    first, second = rng.standard_normal((2, 600, DIM)).astype(np.float32)
    one = search.SpeakerSearch(tmp_path / "g.index")
    one.update(np.arange(600), first, nobody)
    two = search.SpeakerSearch(tmp_path / "g.index")
    two.update(np.arange(600), second, nobody)
    np.testing.assert_array_equal(two.nearest(second[7] / np.linalg.norm(second[7]), 1)[0], [7])
    (tmp_path / "g.index").write_bytes(b"cut")
    three = search.SpeakerSearch(tmp_path / "g.index")
    three.update(np.arange(600), second, nobody)
    np.testing.assert_array_equal(three.nearest(second[7] / np.linalg.norm(second[7]), 1)[0], [7])
