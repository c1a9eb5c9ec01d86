"""RTTM files: who speaks when, one turn a line (NIST Rich Transcription 2009)."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from speakerssl.data.tables import read_float
from speakerssl.errors import InputError
from speakerssl.io import read_text, write_text

FIELDS = 8  # up to the speaker's name; what comes after is not read


class Turn(NamedTuple):
    """One speaker's stretch of speech in a recording; `begin` and `end` in seconds."""

    recording: str
    begin: float
    end: float
    speaker: str


def read_rttm(path: str | Path) -> list[Turn]:
    """The turns of the SPEAKER lines of a file, in its order. Raises InputError as `numbered_turns` does."""
    return [turn for _, turn in numbered_turns(path)]


def numbered_turns(path: str | Path) -> Iterator[tuple[int, Turn]]:
    """The turns of the SPEAKER lines of a file, each with the number of its line; other lines are left out.

    Raises InputError for a file that is no text, and naming a line that is too short or whose times cannot be.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        where = f"{path}:{number}"
        if len(fields) < FIELDS:
            raise InputError(f"{where}: expected 'SPEAKER recording channel start duration <NA> <NA> speaker'")
        start, length = read_float(fields[3], where, "start"), read_float(fields[4], where, "duration")
        if start < 0 or length < 0:
            raise InputError(f"{where}: from {start:g} s for {length:g} s; neither may be below 0")
        yield number, Turn(fields[1], start, start + length, fields[7])


def write_rttm(path: str | Path, turns: Iterable[Turn]) -> None:
    """Writes turns, whole or not at all, with times in milliseconds' precision.

    Raises InputError for a name with white space, which the format cannot hold, or a turn that ends before it begins.
    """
    lines = []
    for turn in turns:
        for name in (turn.recording, turn.speaker):
            if not name or name.split() != [name]:
                raise InputError(f"{path}: '{name}' cannot be written as RTTM; names have no white space there")
        if not 0 <= turn.begin <= turn.end:
            raise InputError(f"{path}: a turn from {turn.begin:g} to {turn.end:g} s; it must end after it begins")
        begin = round(turn.begin, 3)
        length = round(turn.end, 3) - begin
        lines.append(f"SPEAKER {turn.recording} 1 {begin:.3f} {length:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n")
    write_text(path, "".join(lines))
