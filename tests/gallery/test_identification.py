"""The gallery against a plain loop over cosines, with two writers, threads, other models and strangers."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.embeddings.decision import Decision
from speakerssl.errors import InputError
from speakerssl.gallery import Gallery

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
