"""What a gallery asks of a store is what SQLite offers, call by call."""

import inspect

from speakerssl.gallery.records import GalleryStore
from speakerssl.gallery.sqlite import SqliteStore


def test_the_store_takes_every_call_of_the_protocol() -> None:
    calls = [name for name in vars(GalleryStore) if not name.startswith("_")]
    assert {"enrol", "forget", "changes", "embeddings"} <= set(calls)
    for name in calls:
        asked, offered = (inspect.signature(getattr(kind, name)) for kind in (GalleryStore, SqliteStore))
        assert asked == offered, name
