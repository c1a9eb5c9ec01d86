"""RTTM: written turns come back, lines of other kinds are left out, and damage is named by its line."""

from pathlib import Path

import pytest

from speakerssl.data.rttm import Turn, read_rttm, write_rttm
from speakerssl.errors import InputError


def test_written_turns_come_back(tmp_path: Path) -> None:
    turns = [Turn("meeting", 0.0, 1.5, "ana"), Turn("meeting", 1.5, 12.3456, "ben"), Turn("b", 3.0, 3.0, "ana")]
    write_rttm(tmp_path / "a.rttm", turns)
    lines = (tmp_path / "a.rttm").read_text().splitlines()
    assert lines[0] == "SPEAKER meeting 1 0.000 1.500 <NA> <NA> ana <NA> <NA>"
    found = read_rttm(tmp_path / "a.rttm")
    assert [one[::3] for one in found] == [one[::3] for one in turns]
    assert max(abs(one.end - two.end) for one, two in zip(found, turns)) <= 0.001


def test_other_lines_are_left_out(tmp_path: Path) -> None:
    text = ";; a comment\nSPKR-INFO b 1 <NA> <NA> <NA> unknown ana <NA>\nSPEAKER b 1 1 2 <NA> <NA> ana <NA>\n\n"
    (tmp_path / "a.rttm").write_text(text)
    assert read_rttm(tmp_path / "a.rttm") == [Turn("b", 1.0, 3.0, "ana")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER b 1 1 2 <NA>", "a.rttm:1: expected 'SPEAKER recording channel"),
        ("SPEAKER b 1 one 2 <NA> <NA> ana", "a.rttm:1: start 'one' is not a number"),
        ("SPEAKER b 1 1 -2 <NA> <NA> ana", "a.rttm:1: from 1 s for -2 s; neither may be below 0"),
        ("SPEAKER b 1 nan 2 <NA> <NA> ana", "a.rttm:1: start 'nan' is not a number"),
    ],
)
def test_damaged_lines_are_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.rttm").write_text(line + "\n")
    with pytest.raises(InputError, match=message):
        read_rttm(tmp_path / "a.rttm")


@pytest.mark.parametrize("turn", [Turn("a b", 0, 1, "ana"), Turn("a", 0, 1, ""), Turn("a", 2, 1, "ana")])
def test_what_the_format_cannot_hold(turn: Turn, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_rttm(tmp_path / "a.rttm", [turn])
    assert not (tmp_path / "a.rttm").exists()
