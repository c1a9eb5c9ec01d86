"""What a gallery asks of a store is what SQLite offers, call by call."""

import inspect

import numpy as np

from speakerssl.gallery.records import GalleryStore, unit_mean
from speakerssl.gallery.sqlite import SqliteStore


def test_the_store_takes_every_call_of_the_protocol() -> None:
    calls = [name for name in vars(GalleryStore) if not name.startswith("_")]
    assert {"enrol", "forget", "changes", "embeddings"} <= set(calls)
    for name in calls:
        asked, offered = (inspect.signature(getattr(kind, name)) for kind in (GalleryStore, SqliteStore))
        assert asked == offered, name


def test_a_mean_of_unit_vectors_has_unit_length() -> None:
    right, up = np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)
    mean = unit_mean(np.concatenate([right, up]))
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, [0.5**0.5, 0.5**0.5], atol=1e-6)
    assert not unit_mean(np.concatenate([right, -right])).any()  # opposite ones: no direction, and no NaN
