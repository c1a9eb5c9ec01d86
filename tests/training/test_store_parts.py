"""The parts of a feature store that is being made."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.store import FeatureStore
from speakerssl.errors import InputError
from speakerssl.resume import Identity
from speakerssl.training import store_parts
from speakerssl.training.store_parts import merge_parts, plan_parts, remove_other_parts, save_part


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_parts, "CHUNK", 2)


def names(folder: Path, options: str = "x", voices: bool = False, **states: str) -> list[str]:
    recordings = dict.fromkeys("abcde", "1") | states
    return [part.path.name for part in plan_parts(Identity({"o": options}, recordings), folder, voices)]


def test_a_name_changes_with_all_that_decides_the_features(tmp_path: Path) -> None:
    plain = names(tmp_path)
    assert len(plain) == 3
    assert names(tmp_path) == plain
    assert not set(names(tmp_path, "y")) & set(plain)
    changed = names(tmp_path, c="2")
    assert [one == other for one, other in zip(changed, plain)] == [True, False, True]
    voices = names(tmp_path, voices=True, c="2")  # a voice may come from any recording
    assert not set(voices) & set(names(tmp_path, voices=True))


def test_other_parts_are_removed(tmp_path: Path) -> None:
    parts = plan_parts(Identity({}, {"a": "1"}), tmp_path, False)
    parts[0].path.write_text("kept")
    (tmp_path / "000009-old.npz").write_text("gone")
    remove_other_parts(tmp_path, parts)
    assert [path.name for path in tmp_path.iterdir()] == [parts[0].path.name]
    remove_other_parts(tmp_path / "none", parts)


def test_merged_parts_are_a_store_and_failures_are_listed(tmp_path: Path) -> None:
    ids = list("abcde")
    parts = plan_parts(Identity({}, dict.fromkeys(ids, "1")), tmp_path, False)
    for part in parts:
        kept = [index for index in part.indices if index != 3]
        features = [[np.full((index + 1, 4), 10 * copy + index, np.float16) for copy in range(2)] for index in kept]
        save_part(part.path, kept, features, {index: "silent" for index in part.indices if index == 3})
    assert merge_parts(parts, tmp_path, 2, ids) == {"d": "silent"}
    (tmp_path / "info.json").write_text('{"copies": 2, "features": {}}')
    store = FeatureStore(tmp_path)
    assert store.ids == ["a", "b", "c", "e"]
    for row, index in enumerate((0, 1, 2, 4)):
        for copy in range(2):
            np.testing.assert_array_equal(store.frames(row, copy), np.full((index + 1, 4), 10 * copy + index))
    assert (tmp_path / "failed.txt").read_text() == "d\tsilent\n"


def test_nothing_that_could_be_read_is_an_error(tmp_path: Path) -> None:
    parts = plan_parts(Identity({}, {"a": "1"}), tmp_path, False)
    save_part(parts[0].path, [], [], {0: "a.wav: is empty"})
    with pytest.raises(InputError, match=r"no recording could be read; the first: a\.wav: is empty"):
        merge_parts(parts, tmp_path, 2, ["a"])
    assert not (tmp_path / "index.npz").exists()
