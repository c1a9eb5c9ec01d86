"""Shards are read where the index says, from a folder or a URL, and refused by name where they are damaged."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.shards import ShardRecording, ShardSet
from speakerssl.data.utterance import Utterance
from speakerssl.errors import InputError
from tests.data.conftest import IDS


def test_recordings_come_back_sample_by_sample(utterances: list[Utterance], shards: ShardSet) -> None:
    assert [place.id for place in shards.places] == IDS
    assert len(shards.names) > 1
    for utterance, place in zip(utterances, shards.places, strict=True):
        recording = ShardRecording(shards, place)
        wave = utterance.read()
        assert recording.duration() == pytest.approx(len(wave) / 16000, abs=1e-4)
        np.testing.assert_allclose(recording.read(), wave, atol=0.51 if utterance.is_segment else 0)
        crops = [(0.01, 0.05), (0.03, 0.02)]
        for crop, expected in zip(recording.read_crops(crops), utterance.read_crops(crops), strict=True):
            np.testing.assert_allclose(crop, expected, atol=0.51 if utterance.is_segment else 0)


@pytest.fixture
def server(shards: ShardSet) -> Iterator[str]:
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=shards.path)) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


def test_by_url_each_shard_is_fetched_once(shards: ShardSet, server: str, tmp_path: Path) -> None:
    remote = ShardSet(server, tmp_path / "cache")
    assert remote.places == shards.places
    for place in remote.places:
        assert remote.content(place) == shards.content(place)
    assert len(list((tmp_path / "cache").rglob("*.tar"))) == len(shards.names)
    with pytest.raises(InputError, match=r"shards\.json: cannot be read"):
        ShardSet(f"{server}/nowhere", tmp_path / "cache")


def test_hostile_indices_are_refused(shards: ShardSet) -> None:
    folder = Path(shards.path)
    with pytest.raises(InputError, match="runs a command"):
        ShardSet("pipe:echo {}")
    index = folder / "shard-000000.jsonl"
    good = index.read_text()
    for line in ('{"id": "a", "offset": 0, "size": 99999999, "samples": 1}', '{"id": "a"}', "[" * 100_000, "nonsense"):
        index.write_text(line + "\n")
        with pytest.raises(InputError, match=r"jsonl:1: "):
            ShardSet(folder)
    index.write_text(good)
    (folder / "shards.json").write_text('{"format": 1, "shards": [{"name": "../x.tar", "bytes": 1}]}')
    with pytest.raises(InputError, match="make the shards again"):
        ShardSet(folder)


def test_a_shard_that_was_cut_off_is_an_error_by_name(shards: ShardSet) -> None:
    path = Path(shards.path) / shards.names[0]
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(InputError, match=r"shard-000000\.tar: is truncated: ends before recording 'a'"):
        shards.content(shards.places[0])
