"""What a person may name: files, folders, data directories, lists, segments, RTTM."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.sources import read_sources
from speakerssl.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.flac", "deep/c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, np.arange(16000, dtype=np.int16), 16000)
    return tmp_path


def test_files_and_folders(folder: Path) -> None:
    found = read_sources([folder / "a.wav", folder / "deep"])
    assert list(found.recordings) == ["a", "c"]
    assert found.recordings["c"].read().shape == (16000,)
    assert list(read_sources([folder]).recordings) == ["a", "b", "deep/c"]


def test_a_data_directory_and_its_lists(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    (data / "wav.scp").write_text(f"x {folder}/a.wav\ny {folder}/b.flac\n")
    assert list(read_sources([data]).recordings) == list(read_sources([data / "wav.scp"]).recordings) == ["x", "y"]
    (data / "segments").write_text("x-1 x 0.1 0.4\ny-1 y 0.5 -1\n")
    found = read_sources([data / "segments"]).recordings
    assert [len(one.read()) for one in found.values()] == [4800, 8000]
    (folder / "turns.segments").write_text("t x 0.2 0.3\n")
    with pytest.raises(InputError, match="recording 'x' is not in"):
        read_sources([folder / "turns.segments"])
    assert len(read_sources([folder / "turns.segments"], audio=data / "wav.scp").recordings["t"].read()) == 1600


def test_a_list_of_paths_with_or_without_ids(folder: Path) -> None:
    (folder / "some.lst").write_text(f"a.wav\n\nsecond {folder}/b.flac\ndeep/c.wav\n")
    assert list(read_sources([folder / "some.lst"]).recordings) == ["a", "second", "deep/c"]
    (folder / "bad.txt").write_text("a.wav\nnone.wav\n")
    with pytest.raises(InputError, match=r"bad.txt:2: none.wav: does not exist"):
        read_sources([folder / "bad.txt"])


def test_rttm_gives_segments_with_speakers(folder: Path) -> None:
    (folder / "turns.rttm").write_text(
        ";; a comment\nSPEAKER a 1 0.10 0.25 <NA> <NA> ana <NA> <NA>\nSPEAKER b 1 0.5 0.2 <NA> <NA> bo <NA> <NA>\n"
    )
    found = read_sources([folder / "turns.rttm"])
    assert found.utt2spk == {"a-ana-0000100-0000350": "ana", "b-bo-0000500-0000700": "bo"}
    assert [len(one.read()) for one in found.recordings.values()] == [4000, 3200]
    assert read_sources([folder / "turns.rttm", folder / "a.wav"]).utt2spk is None  # nobody said who speaks in a


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.rttm", "SPEAKER a 1 0.1 0.2\n", "a.rttm:1: expected 'SPEAKER recording"),
        ("a.rttm", "SPEAKER z 1 0.1 0.2 <NA> <NA> s\n", "a.rttm:1: recording 'z' is not among those"),
        ("a.rttm", "SPEAKER a 1 0.1 0 <NA> <NA> s\n", "a.rttm:1: .* is empty"),
        ("a.rttm", "SPEAKER a 1 0.1 x <NA> <NA> s\n", "a.rttm:1: duration 'x' is not a number"),
        ("a.rttm", "LEXEME a\n", "has no SPEAKER lines"),
        ("a.lst", "\n", "a.lst: is empty"),
        ("a.lst", "a.wav\na.wav\n", "a.lst:2: the id 'a' was given before"),
        ("a.pdf", "x", "neither audio nor a list"),
    ],
)
def test_mistakes_name_the_line(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_sources([folder / name])


def test_one_id_twice_and_nothing_at_all(folder: Path) -> None:
    with pytest.raises(InputError, match="the id 'a' stands twice"):
        read_sources([folder / "a.wav", folder])
    with pytest.raises(InputError, match="does not exist"):
        read_sources([folder / "none.wav"])
    with pytest.raises(InputError, match="no recordings are named"):
        read_sources([])
