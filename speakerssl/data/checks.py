"""Everything that is wrong with a data directory, in one list of lines, before hours are spent on it."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from speakerssl.data.audio import Recording
from speakerssl.data.kaldi import DataDir
from speakerssl.data.lengths import check_lengths
from speakerssl.data.tables import read_rows
from speakerssl.errors import InputError

TABLES = ("wav.scp", "segments", "utt2spk", "spk2utt", "utt2dur", "utt2session")


@dataclass
class Findings:
    """What `check` found: {id: why it is unusable}, and {id: seconds} of the others."""

    failed: dict[str, str] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """The reasons, one line a damaged file (not one for each of its segments)."""
        return list(dict.fromkeys(self.failed.values()))


def validate(path: str | Path, full: bool = False) -> list[str]:
    """All problems of the data directory at `path`, one line each with file and line; empty when valid.

    Looked at: unreadable lists and duplicate ids, C-locale order, ids of other tables that wav.scp or
    segments lack, utterances without a speaker, files that are missing, empty, truncated (`full`: that do not
    decode or have NaN samples), segments that end past their recording.
    """
    try:
        data = DataDir.read(path)
    except InputError as error:
        return [str(error)]
    return table_problems(data) + check(data, full).problems


def check(data: DataDir, full: bool = False, jobs: int = 4) -> Findings:
    """Looks at every recording's file once: header and last samples, or all of it for `full`.

    `jobs` look at once: threads, or jobs of another executor.
    """
    findings = Findings()
    look = functools.partial(Recording.check, full=full)
    answers = {utt.id: answer for utt, answer in check_lengths(data.utterances, look, "checking recordings", jobs)}
    for key in data.recordings:
        answer = answers[key]
        if isinstance(answer, InputError):
            findings.failed[key] = str(answer)
        else:
            findings.durations[key] = answer
    return findings


def table_problems(data: DataDir) -> list[str]:
    """Order and consistency of the lists alone."""
    problems = []
    for name in TABLES:
        if (data.path / name).exists():
            problems += _order_problems(data.path / name)
    for name, table in (
        ("utt2spk", data.utt2spk),
        ("utt2dur", data.utt2dur),
        ("utt2session", data.utt2session),
    ):
        if table:
            problems += _stray(data, name, table)
    if data.utt2spk is not None:
        without = [key for key in data.recordings if key not in data.utt2spk]
        if without:
            problems.append(f"{data.path}/utt2spk: no speaker for {_some(without)}")
    return problems


def _order_problems(path: Path) -> list[str]:
    previous = ""
    for row in read_rows(path):
        if row.key < previous:  # by code point, which is C-locale order
            order = "not in C-locale order (LC_ALL=C sort)"
            return [f"{path}:{row.line}: {order}: '{row.key}' after '{previous}'"]
        previous = row.key
    return []


def _stray(data: DataDir, name: str, table: Iterable[str]) -> list[str]:
    stray = [key for key in table if key not in data.recordings]
    listed_in = "segments" if data.has_segments else "wav.scp"
    return [f"{data.path}/{name}: {_some(stray)} not in {listed_in}"] if stray else []


def _some(ids: list[str]) -> str:
    shown = ", ".join(f"'{key}'" for key in ids[:3])
    return shown if len(ids) <= 3 else f"{shown} and {len(ids) - 3} more"
