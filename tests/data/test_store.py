"""Feature stores: frames by recording and copy, and what is no store or another's."""

import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.data.store import FeatureStore
from speakerssl.errors import InputError
from tests.data.test_views import write_store


def test_frames_of_a_recording_in_a_copy(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", copies=3, frames=10)
    assert (len(store), store.num_copies, store.feat_dim, store.ids) == (3, 3, 3, ["a", "b", "c"])
    assert [store.num_frames(index) for index in range(3)] == [10, 10, 10]
    rows = store.frames(1, 2)
    np.testing.assert_array_equal(rows, [(2, 1, frame) for frame in range(10)])
    np.testing.assert_array_equal(store.frames(1, 2, 3, 4), rows[3:7])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(store)).frames(1, 2), rows)


def test_other_features_are_refused_but_for_what_happens_later(tmp_path: Path) -> None:
    write_store(tmp_path / "store", copies=1)
    info = {"copies": 1, "features": {"num_mel_bins": 40, "cmn": "none", "dither": 0.0}}
    (tmp_path / "store" / "info.json").write_text(json.dumps(info))
    store = FeatureStore(tmp_path / "store")
    store.check_features({"num_mel_bins": 40, "cmn": "utterance", "dither": 1.0})
    with pytest.raises(InputError, match=r"made with other feature options \(kind, num_mel_bins\); make the store"):
        store.check_features({"num_mel_bins": 80, "kind": "plp"})


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: not a complete feature store .*speakerssl features"):
        FeatureStore(tmp_path / "none")
    write_store(tmp_path / "broken", copies=1)
    (tmp_path / "broken" / "info.json").write_text("{")
    with pytest.raises(InputError, match="broken: not a complete feature store"):
        FeatureStore(tmp_path / "broken")


def test_a_store_that_is_cut_off_while_it_is_read_is_an_error_and_no_crash(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", copies=1, frames=10)
    store.frames(2)
    path = tmp_path / "store" / "copy-00.npy"
    os.truncate(path, path.stat().st_size - 1)
    store.frames(1)
    with pytest.raises(InputError, match=r"copy-00\.npy: was cut off while it was read"):
        store.frames(2)
    with pytest.raises(InputError, match=r"copy-00\.npy: is truncated"):
        FeatureStore(tmp_path / "store").frames(0)


@pytest.mark.parametrize(
    "index",
    [
        {},
        {"ids": np.array(["a"]), "offsets": np.array([0, 5, 3])},
        {"ids": np.array([{}])},
        {"ids": np.full(1, 0x110000, np.uint32).view("U1"), "offsets": np.array([0, 10])},
    ],
)
def test_an_index_that_cannot_be_is_refused(tmp_path: Path, index: dict) -> None:
    write_store(tmp_path / "store", copies=1)
    np.savez(tmp_path / "store" / "index.npz", **index)
    with pytest.raises(InputError, match="not a complete feature store"):
        FeatureStore(tmp_path / "store")


@pytest.mark.parametrize("name", ["ids", "offsets"])
def test_an_index_whose_member_is_no_array_is_refused(tmp_path: Path, name: str) -> None:
    write_store(tmp_path / "store", copies=1)
    arrays: dict[str, Any] = {"ids": np.array(["a"]), "offsets": np.array([0, 10])}
    np.savez(tmp_path / "store" / "index.npz", **{key: array for key, array in arrays.items() if key != name})
    with zipfile.ZipFile(tmp_path / "store" / "index.npz", "a") as packed:
        packed.writestr(f"{name}.npy", b"no array")
    with pytest.raises(InputError, match="not a complete feature store"):
        FeatureStore(tmp_path / "store")
