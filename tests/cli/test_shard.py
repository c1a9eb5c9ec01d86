"""`speakerssl shard`: data directories or shards in, shards out; what is asked for wrongly is one line."""

from pathlib import Path

import pytest

from speakerssl.cli.main import main
from speakerssl.data.shards import ShardSet
from tests.cli.conftest import call, refused


def tars(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".tar" or path.stem == "shards"}


def test_a_data_directory_becomes_shards(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["shard", "--data", str(data), "--output", str(tmp_path / "out"), "--jobs", "1", "--shard-mb", "0.1"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    # Eight files of 48,044 bytes, two in a shard of 100,000.
    assert out == f"8 recordings, 0.00 GB, in 4 shards: {tmp_path / 'out'} (training: data.shards)\n"
    assert err.startswith(f"{tmp_path / 'out'}: 8 recordings, 0.00 GB, in 4 shards\n")
    assert [place.id for place in ShardSet(tmp_path / "out").places] == [f"u{number}" for number in range(8)]


def test_shards_are_cut_anew_to_the_same_bytes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, one, again, direct = (tmp_path / name for name in ("small", "one", "again", "direct"))
    call(capsys, "shard", "--data", data, "--output", small, "--shard-mb", "0.1", "--jobs", "2")
    assert call(capsys, "shard", "--shards", small, "--output", one, "--jobs", "1") == {
        "shards": str(one), "recordings": 8, "count": 1,
    }  # fmt: skip
    call(capsys, "shard", "--shards", one, "--output", again, "--shard-mb", "0.1", "--jobs", "1")
    call(capsys, "shard", "--data", data, "--output", direct, "--jobs", "1")
    assert tars(again) == tars(small)
    assert tars(one) == tars(direct)


def test_a_damaged_recording_is_left_out_and_the_status_says_so(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF no audio")
    (tmp_path / "wav.scp").write_text(f"bad {tmp_path}/bad.wav\ngood {data}/0.wav\n")
    assert main(["shard", "--data", str(tmp_path), "--output", str(tmp_path / "out"), "--jobs", "1"]) == 1
    assert "1 recordings could not be read; " in capsys.readouterr().err
    assert (tmp_path / "out" / "failed.txt").read_text().startswith("bad\t")
    assert [place.id for place in ShardSet(tmp_path / "out").places] == ["good"]


def test_mistakes_are_one_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("shard", "--data", str(data), "--output", str(tmp_path / "out"))
    for size in ("0", "-1", "nan"):
        assert f"--shard-mb is {float(size):g}; it must be above 0" in refused(capsys, *words, "--shard-mb", size)
    assert "--jobs" in refused(capsys, *words, "--jobs", "-1")
    twice = ("shard", "--data", str(data), str(data), "--output", str(tmp_path / "out"))
    assert "the id 'u0' comes twice" in refused(capsys, *twice)
    assert "--executor-option folder: expected KEY=VALUE" in refused(capsys, *words, "--executor-option", "folder")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("sources", [[], ["--data", "a", "--shards", "b"]])
def test_the_recordings_come_from_one_kind_of_place(sources: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["shard", *sources, "--output", str(tmp_path / "out")])
    assert ended.value.code == 2
