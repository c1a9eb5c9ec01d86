"""Everything that is wrong with a directory is one line that names file and line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.checks import check, validate
from speakerssl.data.kaldi import DataDir


def test_a_good_directory_has_no_problems(make_dir) -> None:
    folder = make_dir("a", "b", utt2spk="a s\nb t\n", spk2utt="s a\nt b\n", segments="a a 0 0.5\nb b 0 1.4\n")
    assert validate(folder) == []
    assert check(DataDir.read(folder)).durations == {"a": 0.5, "b": 1.0}


def test_every_damaged_recording_is_found(make_dir) -> None:
    folder = make_dir("empty", "gone", "good", "nan", "short")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "gone.wav").unlink()
    soundfile.write(folder / "nan.wav", np.full(100, np.nan, np.float32), 16000, subtype="FLOAT")
    (folder / "short.wav").write_bytes((folder / "good.wav").read_bytes()[:-100])
    findings = check(DataDir.read(folder))
    assert list(findings.durations) == ["good"]
    for (key, reason), line, expected in zip(
        findings.failed.items(), (1, 2, 4, 5), ("is empty", "No such file", "NaN", "is truncated")
    ):
        assert reason.startswith(f"{folder}/wav.scp:{line}: {folder}/{key}.wav: ")
        assert expected in reason
    assert findings.problems == list(findings.failed.values())


def test_damage_in_the_middle_needs_full(make_dir) -> None:
    folder = make_dir("a")
    rng = np.random.default_rng(0)
    path = folder / "a.flac"
    soundfile.write(path, rng.integers(-9000, 9000, 64000).astype(np.int16), 16000)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 20000] = bytes(20000)
    path.write_bytes(content)
    (folder / "wav.scp").write_text(f"a {path}\n")
    problems = validate(folder, full=True)
    assert len(problems) == 1
    assert "cannot be decoded" in problems[0] or "truncated" in problems[0]


def test_segments_past_the_end_name_the_line_of_segments(make_dir) -> None:
    folder = make_dir("a", segments="x a 0 1\ny a 0.5 1.6\nz a 2 3\n")
    assert validate(folder) == [
        f"{folder}/segments:2: ends at 1.6 s, but the recording at 1.00 s",
        f"{folder}/segments:3: ends at 3 s, but the recording at 1.00 s",
    ]


def test_one_line_for_a_file_with_many_segments(make_dir) -> None:
    folder = make_dir("a", segments="x a 0 0.5\ny a 0.5 1\n")
    (folder / "a.wav").unlink()
    findings = check(DataDir.read(folder))
    assert list(findings.failed) == ["x", "y"]
    assert len(findings.problems) == 1


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"utt2spk": "a s\n"}, "utt2spk: no speaker for 'b'"),
        ({"utt2spk": "a s\nb s\nc s\n"}, "utt2spk: 'c' not in wav.scp"),
        ({"utt2dur": "q 1\n"}, "utt2dur: 'q' not in wav.scp"),
        ({"utt2spk": "b s\na s\n"}, "utt2spk:2: not in C-locale order (LC_ALL=C sort): 'a' after 'b'"),
    ],
)
def test_inconsistent_tables(make_dir, tables: dict[str, str], expected: str) -> None:
    folder = make_dir("a", "b", **tables)
    assert validate(folder) == [f"{folder}/{expected}"]


def test_c_locale_order_puts_capitals_first(make_dir) -> None:
    assert validate(make_dir("B", "a", name="one")) == []
    folder = make_dir("a", "B", name="two")
    assert validate(folder) == [f"{folder}/wav.scp:2: not in C-locale order (LC_ALL=C sort): 'B' after 'a'"]


def test_unreadable_lists_are_a_problem_too(make_dir, tmp_path: Path) -> None:
    folder = make_dir("a", wav_scp="a x\na y\n")
    assert validate(folder) == [f"{folder}/wav.scp:2: id 'a' was already given in line 1"]
    assert validate(tmp_path / "none")[0].startswith(f"{tmp_path}/none: is not a directory")
