"""RTTM files: who speaks when, one turn a line (NIST Rich Transcription 2009)."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from speakerssl.errors import InputError
from speakerssl.io import write_text

FIELDS = 8  # up to the speaker's name; what comes after is not read


class Turn(NamedTuple):
    """One speaker's stretch of speech in a recording; `begin` and `end` in seconds."""

    recording: str
    begin: float
    end: float
    speaker: str


def read_rttm(path: str | Path) -> list[Turn]:
    """The turns of the SPEAKER lines of a file, in its order; other lines of the format are left out.

    Raises InputError naming the line that is too short, or whose times are no numbers, negative or not finite.
    """
    turns = []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as RTTM: {error}") from None
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        if len(fields) < FIELDS:
            raise InputError(f"{path}:{number}: {len(fields)} fields; SPEAKER lines have {FIELDS} or more")
        try:
            begin, length = float(fields[3]), float(fields[4])
        except ValueError:
            begin = length = math.nan
        if not (math.isfinite(begin) and math.isfinite(length) and begin >= 0 and length >= 0):
            raise InputError(f"{path}:{number}: begin '{fields[3]}' and length '{fields[4]}' must be seconds")
        turns.append(Turn(fields[1], begin, begin + length, fields[7]))
    return turns


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
