"""Labels from data directories, files and recordings; soft labels; what is wrong with a file."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.data.labels import number_labels, read_labels
from speakerssl.errors import InputError

IDS = ["a", "b", "c"]


def directory(**speakers: str) -> DataDir:
    return DataDir({key: Utterance(key, f"{key}.wav") for key in IDS}, Path("data"), speakers or None)


def test_speakers_of_several_directories() -> None:
    table = read_labels("utt2spk", [directory(a="s2", b="s1"), directory(c="s2")], IDS)
    labels = number_labels(IDS, table)
    assert labels.names == ["s1", "s2"]
    assert labels.hard.tolist() == [1, 0, 1]
    assert not labels.soft


def test_every_recording_is_its_own_class() -> None:
    labels = number_labels(IDS, read_labels("recordings", [], IDS))
    assert labels.names == IDS
    assert labels.hard.tolist() == [0, 1, 2]


def test_a_file_of_clusters_and_soft_labels(tmp_path: Path) -> None:
    (tmp_path / "clusters").write_text("a c7\nb c3 1 c7 3\nc c3\n")
    labels = number_labels(IDS, read_labels(str(tmp_path / "clusters"), [], IDS))
    assert labels.names == ["c3", "c7"]
    assert labels.classes.tolist() == [[1, 0], [1, 0], [0, 0]]  # the most likely first
    assert labels.shares == pytest.approx(np.array([[1, 0], [0.75, 0.25], [1, 0]]))
    assert labels.soft


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a c1 0.5 c2\n", "labels:1: expected 'recording class' or 'recording class share class share"),
        ("a c1\nb c1 x c2 1\n", "labels:2: share 'x' is not a number"),
        ("a c1 -1 c2 2\n", "labels:1: shares must not be below 0"),
        ("a c1\na c2\n", "labels:2: id 'a' was already given in line 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "labels").write_text(text)
    with pytest.raises(InputError, match=message):
        read_labels(str(tmp_path / "labels"), [], IDS)


def test_no_labels_are_an_error() -> None:
    with pytest.raises(InputError, match="data/utt2spk: does not exist; give labels as a file, or `recordings`"):
        read_labels("utt2spk", [directory()], IDS)
    with pytest.raises(InputError, match="with stores alone give a file"):
        read_labels("utt2spk", [], IDS)
    with pytest.raises(InputError, match="1 class among 3 recordings"):
        number_labels(IDS, dict.fromkeys(IDS, (("s", 1.0),)))
