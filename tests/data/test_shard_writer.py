"""Writing shards: the WebDataset layout, a plan that can be repeated byte for byte, and what cannot be read."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.shard_writer import member_key, plan_shards, source_bytes, write_shards
from speakerssl.data.shards import ShardRecording, ShardSet
from speakerssl.data.utterance import Utterance
from speakerssl.errors import InputError, JobError
from tests.data.conftest import IDS


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


def test_keys_have_no_dots_and_no_folders() -> None:
    keys = [member_key(key) for key in IDS]
    assert len(set(keys)) == len(keys)
    assert not any(set(key) & set("./ ~") or len(key) > 90 for key in keys)


def test_a_plan_keeps_the_order_and_the_bound(utterances: list[Utterance]) -> None:
    plan = plan_shards(utterances, 20_000)
    assert [number for shard in plan for number in shard] == list(range(len(utterances)))
    assert plan_shards(utterances, 1) == [[number] for number in range(len(utterances))]


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


def test_a_plan_in_numbers(tmp_path: Path) -> None:
    """A shard is full with the recording that would go beyond the bound; one that is larger has its own."""
    found = []
    for number, size in enumerate((40, 60, 1, 300, 50, 50)):
        (tmp_path / f"{number}.wav").write_bytes(bytes(size))
        found.append(Utterance(str(number), str(tmp_path / f"{number}.wav")))
    assert [source_bytes(one) for one in found] == [40, 60, 1, 300, 50, 50]
    assert plan_shards(found, 100) == [[0, 1], [2], [3], [4, 5]]


def test_the_size_of_a_stretch_is_that_of_its_samples_and_a_missing_file_is_named(utterances: list[Utterance]) -> None:
    assert source_bytes(utterances[-1]) == pytest.approx(0.1 * 16000 * 2, abs=2)
    with pytest.raises(InputError, match=r"wav\.scp:3: none\.wav: "):
        source_bytes(Utterance("a", "none.wav", origin="wav.scp", line=3))


def test_the_bytes_lie_where_the_index_says_and_owe_nothing_to_time_or_owner(shards: ShardSet) -> None:
    listed = json.loads((Path(shards.path) / "shards.json").read_text())["shards"]
    assert sum(shard["recordings"] for shard in listed) == len(IDS)
    for shard in listed:
        path = Path(shards.path) / shard["name"]
        assert path.stat().st_size == shard["bytes"]
        rows = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
        raw = path.read_bytes()
        with tarfile.open(path) as tar:
            members = tar.getmembers()
        assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
        audio = members[::2]
        assert [member.name.rpartition(".")[0] for member in audio] == [member_key(row["id"]) for row in rows]
        assert [(member.offset_data, member.size) for member in audio] == [(row["offset"], row["size"]) for row in rows]
        for row in rows:
            samples, rate = soundfile.read(io.BytesIO(raw[row["offset"] : row["offset"] + row["size"]]))
            assert (len(samples), rate) == (row["samples"], 16000)


def test_shards_of_other_shards_keep_the_bytes_of_every_recording(shards: ShardSet, tmp_path: Path) -> None:
    sources = [ShardRecording(shards, place) for place in shards.places]
    assert write_shards(sources, tmp_path / "new", 10**9, jobs=1) == 1
    again = ShardSet(tmp_path / "new")
    for old, new in zip(shards.places, again.places, strict=True):
        assert (new.id, new.samples) == (old.id, old.samples)
        assert again.content(new) == shards.content(old)


def test_another_rate_counts_in_samples_of_the_project(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(4000), 8000)
    write_shards([Utterance("a", str(tmp_path / "a.wav"))], tmp_path / "out", 10**6, jobs=1)
    (place,) = ShardSet(tmp_path / "out").places
    assert place.samples == 8000


def test_nothing_to_write_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no recordings"):
        write_shards([], tmp_path / "out", 100)
    assert not (tmp_path / "out").exists()
