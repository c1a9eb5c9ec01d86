"""VoxCeleb's official folders, together or apart, and its trial lists."""

from pathlib import Path

import pytest

from speakerssl.data.corpora import find_trials, read_corpus
from speakerssl.errors import InputError


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize(("dev", "test"), [("wav", "wav"), ("dev/wav", "test/wav"), ("dev", "test"), ("", "")])
def test_voxceleb1_is_split_by_speaker(tmp_path: Path, dev: str, test: str) -> None:
    make(tmp_path / dev, "id10001/vidA/00001.wav", "id10001/vidB/00002.wav", "id11251/vidC/00001.wav")
    make(tmp_path / test, "id10270/vidD/00001.wav", "id10309/vidE/00007.wav")
    data = read_corpus("voxceleb1", tmp_path, "dev")
    assert sorted(data.recordings) == ["id10001/vidA/00001.wav", "id10001/vidB/00002.wav", "id11251/vidC/00001.wav"]
    assert data.utt2spk is not None
    assert data.utt2spk["id10001/vidB/00002.wav"] == "id10001"
    assert (data.utt2session or {})["id10001/vidB/00002.wav"] == "id10001/vidB"
    assert sorted(read_corpus("voxceleb1", tmp_path, "test").recordings) == [
        "id10270/vidD/00001.wav", "id10309/vidE/00007.wav",
    ]  # fmt: skip
    assert len(read_corpus("voxceleb1", tmp_path, "all")) == 5


def test_voxceleb2_is_split_by_folder(tmp_path: Path) -> None:
    make(tmp_path / "dev/aac", "id00012/vid/00001.m4a", "id00012/vid/00002.m4a")
    make(tmp_path / "test/aac", "id00017/vid/00001.m4a")
    assert sorted(read_corpus("voxceleb2", tmp_path, "dev").recordings) == [
        "id00012/vid/00001.m4a", "id00012/vid/00002.m4a",
    ]  # fmt: skip
    assert list(read_corpus("voxceleb2", tmp_path, "test").recordings) == ["id00017/vid/00001.m4a"]
    assert len(read_corpus("voxceleb2", tmp_path, "all")) == 3


def test_trial_lists_are_found_beside_the_corpus_or_in_meta(tmp_path: Path) -> None:
    make(tmp_path, "veri_test.txt", "meta/veri_test2.txt", "meta/list_test_all2.txt", "list_test_hard2.txt", "x.txt")
    clean_and_original = {
        "trials_vox1_O": tmp_path / "veri_test.txt",
        "trials_vox1_O_cleaned": tmp_path / "meta/veri_test2.txt",
    }
    assert find_trials(tmp_path, "dev") == {}
    assert find_trials(tmp_path, "test") == clean_and_original
    assert find_trials(tmp_path, "all") == clean_and_original | {
        "trials_vox1_E_cleaned": tmp_path / "meta/list_test_all2.txt",
        "trials_vox1_H_cleaned": tmp_path / "list_test_hard2.txt",
    }


def test_errors_list_what_exists(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown corpus 'voxceleb3'; the known ones are: voxceleb1, voxceleb2"):
        read_corpus("voxceleb3", tmp_path)
    with pytest.raises(InputError, match="unknown subset 'train'; the known ones are: all, dev, test"):
        read_corpus("voxceleb1", tmp_path, "train")
    with pytest.raises(InputError, match=r"no VoxCeleb1 dev recordings .*robots\.ox\.ac\.uk"):
        read_corpus("voxceleb1", tmp_path)
