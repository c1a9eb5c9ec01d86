"""Recordings found in folders, and the ids that they get."""

from pathlib import Path

import pytest

from speakerssl.data.folders import describe_passed_over, find_audio, read_folder
from speakerssl.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.wav", "sub/c.FLAC", "sub/deep er/d 1.mp3", "sub/e.m4a", "notes.txt", ".hidden.wav", ".git/x.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_ids_are_relative_paths_without_suffix(folder: Path) -> None:
    data = read_folder(folder)
    assert sorted(data.recordings) == ["b", "sub/c", "sub/deep_er/d_1", "sub/e"]
    assert data.recordings["sub/deep_er/d_1"].source == str(folder / "sub/deep er/d 1.mp3")
    assert data.utt2spk is None


def test_separator_and_suffix(folder: Path) -> None:
    assert sorted(read_folder(folder, "-", keep_suffix=True).recordings) == [
        "b.wav", "sub-c.FLAC", "sub-deep_er-d_1.mp3", "sub-e.m4a",
    ]  # fmt: skip


def test_speakers_from_folders(folder: Path) -> None:
    with pytest.raises(InputError, match=r"b\.wav: lies in no speaker's folder"):
        read_folder(folder, speaker_from_folder=True)
    (folder / "b.wav").unlink()
    assert set((read_folder(folder, speaker_from_folder=True).utt2spk or {}).values()) == {"sub"}


def test_two_files_with_one_id(folder: Path) -> None:
    (folder / "b.flac").touch()
    with pytest.raises(InputError, match=r"b\.wav: has the same id 'b' as .*b\.flac; .*--keep-suffix"):
        read_folder(folder)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audio in it"):
        read_folder(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_folder(tmp_path / "x")


def test_what_is_no_audio_is_counted_by_suffix(folder: Path) -> None:
    (folder / "README").touch()
    (folder / "sub" / "b.TXT").touch()
    assert read_folder(folder).passed_over == {".txt": 2, "hidden": 2, "no suffix": 1}
    assert describe_passed_over({".txt": 2, "hidden": 2, "no suffix": 1}) == "2 .txt, 2 hidden, 1 no suffix"
    for path in folder.rglob("*.*"):
        if path.is_file() and path.suffix.lower() != ".txt":
            path.unlink()
    with pytest.raises(InputError, match=r"no audio in it; passed over: 2 \.txt, 1 hidden, 1 no suffix"):
        read_folder(folder)


def test_links_that_lead_back_make_no_second_recording(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "f.wav").touch()
    (elsewhere / "loop").symlink_to(elsewhere)
    (folder / "a_first").symlink_to(folder / "sub")
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "sub" / "up").symlink_to("..")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "sub" / "linked again").symlink_to(elsewhere)
    (folder / "itself.wav").symlink_to(folder / "itself.wav")
    found = [str(path) for path in find_audio(folder)]
    assert found == ["b.wav", "itself.wav", "linked/f.wav", "sub/c.FLAC", "sub/deep er/d 1.mp3", "sub/e.m4a"]


def test_containers_of_phones_and_browsers_are_audio(tmp_path: Path) -> None:
    names = {"a.3gp", "b.webm", "c.WMA", "d.oga", "e.w64", "f.caf", "g.mka", "h.aiff"}
    for name in names:
        (tmp_path / name).touch()
    assert {str(path) for path in find_audio(tmp_path)} == names
