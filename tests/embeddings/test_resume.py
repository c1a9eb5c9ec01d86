"""Vectors that are kept while others are computed: used again only of unchanged recordings and equal options."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.resume import Parts
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.resume import Identity

STATES = {"a": "1", "b": "1", "c": "1"}


def begin(folder: Path, options: str = "x", resume: bool = True, **states: str) -> Parts:
    return Parts(folder, Identity({"crops": options}, {**STATES, **states}), resume=resume, flush_seconds=1e9)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A folder in which `a` and `b` are done, in two parts."""
    parts = begin(tmp_path)
    for number, key in enumerate("ab"):
        parts.add([key], np.full((1, 3), number, np.float32))
        parts.flush()
    parts.add(["c"], np.ones((1, 3), np.float32))  # computed, never written
    return tmp_path


def test_a_stopped_run_goes_on(stopped: Path) -> None:
    done = begin(stopped).done
    assert sorted(done) == ["a", "b"]
    np.testing.assert_array_equal(done["b"], [1, 1, 1])


def test_a_recording_that_changed_is_not_used(stopped: Path) -> None:
    assert sorted(begin(stopped, b="2").done) == ["a"]


def test_other_options_and_no_resume_remove_what_is_there(stopped: Path) -> None:
    assert not begin(stopped, "y").done
    assert not (stopped / ".parts").exists()
    parts = begin(stopped)
    parts.add(["a"], np.ones((1, 3), np.float32))
    parts.flush()
    assert not begin(stopped, resume=False).done
    assert not (stopped / ".parts").exists()


def test_a_damaged_part_costs_itself_alone(stopped: Path) -> None:
    (stopped / ".parts" / "part-000000.npz").write_bytes(b"half")
    assert sorted(begin(stopped).done) == ["b"]


def test_a_finished_run_is_used_until_its_files_are_replaced(tmp_path: Path) -> None:
    parts = begin(tmp_path)
    parts.add(["a", "b"], np.eye(2, dtype=np.float32))
    write_embeddings(tmp_path, ["a", "b"], np.eye(2, dtype=np.float32))
    parts.finish()
    assert not (tmp_path / ".parts").exists()
    again = begin(tmp_path)
    assert sorted(again.done) == ["a", "b"]
    assert not begin(tmp_path, "y").done
    again.begin_finish()  # from here on a stop leaves files of which nobody knows what they were made from
    assert not begin(tmp_path).done


def test_what_takes_long_is_written_by_itself(tmp_path: Path) -> None:
    parts = Parts(tmp_path, Identity({}, STATES), flush_seconds=-1.0)
    parts.add(["a"], np.ones((1, 3), np.float32))
    assert len(list((tmp_path / ".parts").iterdir())) == 1
