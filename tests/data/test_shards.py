"""Shards: what is written is the WebDataset layout, can be repeated byte for byte and is read where the index says."""

import functools
import http.server
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.cli.main import main
from speakerssl.data.kaldi import DataDir
from speakerssl.data.shard_writer import member_key, plan_shards, write_shards
from speakerssl.data.shards import ShardRecording, ShardSet
from speakerssl.data.utterance import Utterance
from speakerssl.errors import InputError, JobError

IDS = ["a", "b.c", "../../d", "é ü", "x" * 300, "f", "g"]


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Seven recordings, FLAC and WAV in turn; the last is a stretch of the first."""
    rng, found = np.random.default_rng(0), []
    for number, key in enumerate(IDS[:-1]):
        path = tmp_path / f"{number}.{'wav' if number % 2 else 'flac'}"
        soundfile.write(path, 0.1 * rng.standard_normal(4000 + 500 * number), 16000)
        found.append(Utterance(key, str(path), recording=key))
    return [*found, Utterance("g", found[0].source, 0.05, 0.15, "a", segments="segments", segment_line=1)]


@pytest.fixture
def shards(utterances: list[Utterance], tmp_path: Path) -> ShardSet:
    write_shards(utterances, tmp_path / "shards", 20_000, jobs=1)
    return ShardSet(tmp_path / "shards")


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


def test_the_webdataset_library_reads_them(utterances: list[Utterance], shards: ShardSet) -> None:
    wds = pytest.importorskip("webdataset")
    urls = [f"{shards.path}/{name}" for name in shards.names]
    samples = list(wds.WebDataset(urls, shardshuffle=False))
    assert [json.loads(sample["json"])["id"] for sample in samples] == IDS
    for utterance, sample in zip(utterances, samples, strict=True):
        content = sample.get("flac") or sample["wav"]
        assert soundfile.read(io.BytesIO(content))[1] == 16000
        if not utterance.is_segment:
            assert content == Path(utterance.source).read_bytes()


def test_shards_cut_anew_are_those_that_the_recordings_give(utterances, shards: ShardSet, tmp_path: Path) -> None:
    assert main(["shard", "--shards", shards.path, "--output", str(tmp_path / "one"), "--shard-mb", "1"]) == 0
    write_shards(utterances, tmp_path / "direct", 1_000_000, jobs=2)
    assert (
        main(["shard", "--shards", str(tmp_path / "one"), "--output", str(tmp_path / "again"), "--shard-mb", "0.02"])
        == 0
    )
    for first, second in (("one", "direct"), ("again", "shards")):
        names = sorted(path.name for path in (tmp_path / first).glob("*.tar"))
        assert names == sorted(path.name for path in (tmp_path / second).glob("*.tar"))
        for name in [*names, "shards.json"]:
            assert (tmp_path / first / name).read_bytes() == (tmp_path / second / name).read_bytes()


def test_started_again_it_makes_what_is_missing_and_refuses_other_recordings(utterances, shards, tmp_path) -> None:
    folder = tmp_path / "shards"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "shard-000001.tar").unlink()
    (folder / ".shard-000000.abcdefgh.tmp.tar").write_bytes(b"left by a killed run")
    write_shards(utterances, folder, 20_000, jobs=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(InputError, match="holds other shards"):
        write_shards(utterances[1:], folder, 20_000)


def test_what_cannot_be_read_is_left_out_and_listed(utterances: list[Utterance], tmp_path: Path) -> None:
    Path(utterances[1].source).write_bytes(b"RIFF no audio")
    with pytest.raises(JobError, match=r"1 recordings could not be read; .*failed.txt"):
        write_shards(utterances, tmp_path / "out", 20_000, jobs=1)
    assert (tmp_path / "out" / "failed.txt").read_text().startswith("b.c\t")
    assert [place.id for place in ShardSet(tmp_path / "out").places] == [key for key in IDS if key != "b.c"]


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


def test_keys_have_no_dots_and_no_folders() -> None:
    keys = [member_key(key) for key in IDS]
    assert len(set(keys)) == len(keys)
    assert not any(set(key) & set("./ ~") or len(key) > 90 for key in keys)


def test_a_plan_keeps_the_order_and_the_bound(utterances: list[Utterance]) -> None:
    plan = plan_shards(utterances, 20_000)
    assert [number for shard in plan for number in shard] == list(range(len(utterances)))
    assert plan_shards(utterances, 1) == [[number] for number in range(len(utterances))]


def test_the_verb_reads_data_directories(utterances: list[Utterance], tmp_path: Path, capsys) -> None:
    DataDir({u.id: u for u in utterances[:2]}).write(tmp_path / "data")
    arguments = ["shard", "--data", str(tmp_path / "data"), "--output", str(tmp_path / "out"), "--jobs", "1"]
    assert main(arguments) == 0
    assert "2 recordings, 0.00 GB, in 1 shards" in capsys.readouterr().out
    assert main([*arguments, "--shard-mb", "0"]) == 2
