"""All problems of one or more data directories, recording by recording and between them.

A recording that is in two directories under any name, or twice in one, is found by its samples: between training
and test it is a leak.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.kaldi import DataDir
from speakerssl.data.parallel import map_recordings
from speakerssl.data.quality import CLIPPED_SHARE, DIFFERENT_CHANNELS, SILENT_DB, Quality, measure
from speakerssl.errors import InputError

# kind: what it means
KINDS: Mapping[str, str] = {
    "unreadable": "missing, damaged, truncated or empty",
    "silent": f"below {SILENT_DB:g} dB of full scale",
    "no speech": "silence, a tone or noise alone",
    "clipped": f"over {100 * CLIPPED_SHARE:g} % of the samples in runs at the largest magnitude",
    "too short": "shorter than --min-duration",
    "wrong rate": "another sampling rate than --rate, or than most recordings of its directory",
    "two voices": "two channels of different content, which reading would mix",
    "dead channel": "one of its channels is silent",
    "opposite channels": "two channels that cancel each other when mixed",
    "duplicate": "the same samples as another recording of its directory",
    "leak": "the same samples as a recording of another directory",
    "same speaker": "a speaker of another directory",
}


@dataclass(frozen=True)
class Problem:
    """One line of the table: `kind` is of `KINDS`, `detail` says how much or which other recording."""

    data: str
    id: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Validated:
    """What `find_problems` looked at and found."""

    recordings: int
    hours: float
    problems: tuple[Problem, ...]

    @property
    def counts(self) -> dict[str, int]:
        """{kind: number of recordings}, in the order of `KINDS`."""
        counts = Counter(problem.kind for problem in self.problems)
        return {kind: counts[kind] for kind in KINDS if counts[kind]}


def find_problems(
    directories: Sequence[DataDir], min_duration: float = 1.0, rate: int | None = None, jobs: int = 4
) -> Validated:
    """Decodes every recording once and lists what is wrong.

    Args:
        directories: training first; a recording that is in two of them is a leak of the later one.
        min_duration: seconds; shorter recordings are named.
        rate: Hz that all should have; None: that of most recordings of a directory, 16 kHz at least.
        jobs: recordings that are decoded at once, by threads or by jobs of another executor.
    """
    problems: list[Problem] = []
    seconds = 0.0
    known: dict[str, tuple[str, str]] = {}
    for directory in directories:
        name = str(directory.path)
        measures: dict[str, Quality] = {}
        for utterance, answer in map_recordings(measure, directory.utterances, f"validating {name}", jobs):
            if isinstance(answer, InputError):
                problems.append(Problem(name, utterance.id, "unreadable", str(answer)))
                continue
            measures[utterance.id] = answer
            seconds += answer.seconds
        usual = rate or _usual_rate(measures.values())
        for key, quality in measures.items():
            problems += (Problem(name, key, kind, detail) for kind, detail in _own(quality, min_duration, usual))
            if quality.level_db <= SILENT_DB:  # all silence is alike
                continue
            other, where = known.setdefault(quality.digest, (key, name))
            if (other, where) != (key, name):
                problems.append(Problem(name, key, "duplicate" if where == name else "leak", f"{where}: {other}"))
    problems += _shared_speakers(directories)
    return Validated(sum(len(directory) for directory in directories), seconds / 3600, tuple(problems))


def _usual_rate(measures: Iterable[Quality]) -> int:
    rates = Counter(quality.rate for quality in measures)
    return max(SAMPLE_RATE, rates.most_common(1)[0][0]) if rates else SAMPLE_RATE


def _own(quality: Quality, min_duration: float, usual: int) -> Iterator[tuple[str, str]]:
    """(kind, detail) of what is wrong with a recording by itself."""
    if quality.level_db <= SILENT_DB and not _opposite(quality):
        yield "silent", f"{quality.level_db:g} dB"
    elif quality.no_speech and not _opposite(quality):
        yield "no speech", quality.no_speech
    if quality.clipped > CLIPPED_SHARE:
        yield "clipped", f"{100 * quality.clipped:.2g} % of the samples"
    if quality.seconds < min_duration:
        yield "too short", f"{quality.seconds:.3f} s"
    if quality.rate != usual:
        yield "wrong rate", f"{quality.rate} Hz, not {usual}"
    if quality.correlation is None or (quality.level_db <= SILENT_DB and not _opposite(quality)):
        return
    dead = [c for c, level in enumerate(quality.channel_levels_db) if level <= SILENT_DB]
    if dead:
        yield "dead channel", f"channel {dead[0]} of {len(quality.channel_levels_db)}"
    elif _opposite(quality):
        yield "opposite channels", f"correlation {quality.correlation:.2f}"
    elif quality.correlation < DIFFERENT_CHANNELS:
        yield "two voices", f"correlation {quality.correlation:.2f}; `speakerssl prepare --channel each` splits them"


def _opposite(quality: Quality) -> bool:
    return quality.correlation is not None and quality.correlation < -0.9


def _shared_speakers(directories: Sequence[DataDir]) -> Iterator[Problem]:
    """Speakers of a directory that an earlier one has too, one line a speaker."""
    home: dict[str, Path] = {}
    for directory in directories:
        for speaker in directory.spk2utt or {}:
            where = home.setdefault(speaker, directory.path)
            if where != directory.path:
                yield Problem(str(directory.path), speaker, "same speaker", f"{where}: {speaker}")
