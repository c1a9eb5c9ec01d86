"""Data directories: reading, durations, subsets, writing, and the line that every complaint names."""

from pathlib import Path

import pytest

from speakerssl.data.kaldi import DataDir
from speakerssl.errors import InputError


def test_reads_what_is_there(make_dir) -> None:
    folder = make_dir("a", "b", "c", utt2spk="a s1\nb s2\nc s1\n", utt2session="a x\nb y\nc z\n", utt2dur="a 1.0\n")
    data = DataDir.read(folder)
    assert list(data.recordings) == ["a", "b", "c"]
    assert [u.line for u in data.utterances] == [1, 2, 3]
    assert data.spk2utt == {"s1": ["a", "c"], "s2": ["b"]}
    assert data.utt2session == {"a": "x", "b": "y", "c": "z"}
    assert data.durations() == {"a": 1.0, "b": 1.0, "c": 1.0}


def test_labels_are_not_needed_and_spk2utt_stands_in_for_utt2spk(make_dir) -> None:
    assert DataDir.read(make_dir("a", name="one")).utt2spk is None
    data = DataDir.read(make_dir("a", "b", "c", name="two", spk2utt="s1 a c\ns2 b\n"))
    assert data.utt2spk == {"a": "s1", "c": "s1", "b": "s2"}


def test_durations_come_from_headers(make_dir, monkeypatch) -> None:
    import soundfile

    data = DataDir.read(make_dir("a", "b"))
    monkeypatch.setattr(soundfile.SoundFile, "read", None)  # decoding would fail
    assert data.durations() == {"a": 1.0, "b": 1.0}


def test_written_directories_are_sorted_and_read_back_the_same(make_dir, tmp_path: Path, monkeypatch) -> None:
    folder = make_dir("b", "a", "B", utt2spk="b s1\na s2\nB s1\n", utt2session="b x\na y\nB z\n")
    monkeypatch.chdir(tmp_path)
    data = DataDir.read("data")
    data.durations()
    data.write("copy")
    assert (tmp_path / "copy" / "wav.scp").read_text() == "".join(f"{key} {folder}/{key}.wav\n" for key in "Bab")
    assert (tmp_path / "copy" / "spk2utt").read_text() == "s1 B b\ns2 a\n"
    assert (tmp_path / "copy" / "utt2dur").read_text() == "B 1.000000\na 1.000000\nb 1.000000\n"
    again = DataDir.read(tmp_path / "copy")
    assert (again.utt2spk, again.utt2session, again.utt2dur) == (data.utt2spk, data.utt2session, data.utt2dur)


def test_a_byte_order_mark_belongs_to_no_id(make_dir) -> None:
    folder = make_dir("a", "b", utt2spk="a s\nb t\n", segments="a a 0 0.5\nb b 0 0.5\n", utt2dur="a 0.5\nb 0.5\n")
    for name in ("wav.scp", "utt2spk", "segments", "utt2dur"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    data = DataDir.read(folder)
    assert list(data.recordings) == list(data.utt2spk or {}) == list(data.utt2dur) == ["a", "b"]
    (folder / "utt2spk").unlink()
    (folder / "spk2utt").write_bytes(b"\xef\xbb\xbfs a b\n")
    assert DataDir.read(folder).spk2utt == {"s": ["a", "b"]}
    (folder / "wav.scp").write_bytes("a x.wav\n".encode("utf-16"))
    with pytest.raises(InputError, match=r"wav\.scp: is UTF-16 text; save it as UTF-8"):
        DataDir.read(folder)


def test_segments_survive_writing(make_dir, tmp_path: Path) -> None:
    data = DataDir.read(make_dir("rec", segments="x rec 0.25 0.5\ny rec 0.5 -1\n"))
    data.write(tmp_path / "copy")
    again = DataDir.read(tmp_path / "copy")
    assert [(u.id, u.recording, u.start, u.end) for u in again.utterances] == [
        ("x", "rec", 0.25, 0.5),
        ("y", "rec", 0.5, None),
    ]
    assert (tmp_path / "copy" / "segments").read_text() == "x rec 0.250 0.500\ny rec 0.500 -1\n"


def test_writing_removes_tables_that_no_longer_hold(make_dir, tmp_path: Path) -> None:
    DataDir.read(make_dir("a", name="one", utt2spk="a s\n")).write(tmp_path / "copy")
    DataDir.read(make_dir("a", name="two")).write(tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["wav.scp"]


def test_subset(make_dir) -> None:
    data = DataDir.read(make_dir("a", "b", "c", utt2spk="a s1\nb s2\nc s1\n", utt2dur="a 1\nb 1\nc 1\n"))
    part = data.subset(["c", "a"])
    assert list(part.recordings) == ["c", "a"]
    assert part.spk2utt == {"s1": ["a", "c"]}
    assert part.utt2dur == {"c": 1.0, "a": 1.0}
    with pytest.raises(InputError, match="has no recording 'd'"):
        data.subset(["a", "d"])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"wav_scp": "a x.wav\nb y.wav\na z.wav\n"}, r"data/wav\.scp:3: id 'a' was already given in line 1"),
        ({"wav_scp": "a x.wav\n\nb\n"}, r"data/wav\.scp:3: expected an id and a value, found 'b'"),
        ({"wav_scp": "\n"}, r"data/wav\.scp: is empty"),
        ({"segments": "s a 0 1\ns a 1 2\n"}, r"data/segments:2: id 's' was already given in line 1"),
        ({"segments": "s other 0 1\n"}, r"data/segments:1: recording 'other' is not in .*wav\.scp"),
        ({"segments": "s a 0.5 0.5\n"}, r"data/segments:1: .*is empty"),
        ({"segments": "s a 0.5\n"}, r"data/segments:1: expected 'utterance recording start end \[channel\]'"),
        ({"segments": "s a zero 1\n"}, r"data/segments:1: start 'zero' is not a number"),
        ({"segments": "s a 0 1 left\n"}, r"data/segments:1: channel 'left' is no number from 0, nor A or B"),
        ({"wav_scp": "a \0.wav\n"}, r"data/wav\.scp:1: holds a NUL character"),
        ({"utt2dur": "a nan\n"}, r"data/utt2dur:1: duration 'nan' is not a number"),
        ({"utt2dur": "a -1\n"}, r"data/utt2dur:1: -1 s is no length; leave 'a' out"),
        ({"spk2utt": "s1 a\ns2 a\n"}, r"data/spk2utt:2: 'a' already belongs to 's1'"),
    ],
)
def test_unreadable_lists_name_file_and_line(make_dir, tables: dict[str, str], message: str) -> None:
    folder = make_dir("a", **tables)
    with pytest.raises(InputError, match=message):
        DataDir.read(folder)


def test_missing_directories_and_binary_lists(tmp_path: Path, make_dir) -> None:
    with pytest.raises(InputError, match=r"nowhere: is not a directory"):
        DataDir.read(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"wav\.scp: does not exist; `speakerssl prepare` makes"):
        DataDir.read(tmp_path)
    folder = make_dir("a")
    (folder / "wav.scp").write_bytes(b"a \xff\xfe.wav\n")
    with pytest.raises(InputError, match=r"wav\.scp:1: is not UTF-8 text \(byte 2\)"):
        DataDir.read(folder)


def test_real_corpora_are_read_where_they_lie(shared_data: Path) -> None:
    data = DataDir.read(shared_data / "librispeech" / "test")
    assert (len(data), len(data.spk2utt or {})) == (100, 10)
    assert sum(data.durations().values()) / 3600 == pytest.approx(0.213, abs=0.001)
