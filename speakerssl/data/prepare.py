"""From any list of recordings to a data directory of which every recording can be read.

All is checked before anything is written; what cannot be read is left out, listed in `failed.txt` and reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from speakerssl.data.checks import check
from speakerssl.data.kaldi import DataDir, read_segments, read_wav_scp, unlistable
from speakerssl.errors import InputError, JobError, one_line
from speakerssl.io import check_folder, make_folder, read_text, write_text


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did. `failed` is {id: reason}; `short` counts what `min_duration` left out.

    `passed_over` is {suffix: number} of the files in a folder that were not taken for audio.
    """

    output: str
    recordings: int
    speakers: int | None
    hours: float
    failed: Mapping[str, str]
    short: int
    trials: Mapping[str, int]
    passed_over: Mapping[str, int]


def prepare(
    data: DataDir, output: str | Path, full: bool = False, min_duration: float = 0.0,
    trials: Mapping[str, Path] | None = None, jobs: int = 4,
) -> Prepared:  # fmt: skip
    """Checks every recording of `data` and writes those that are readable as a data directory with `utt2dur`.

    Running it again gives the same bytes. Tables of `data` lose the ids that are left out: those of recordings that
    cannot be read, and of names that no list can hold (line breaks, no UTF-8).

    Args:
        full: decode every recording to its end (finds damage in the middle and NaN samples in any format).
        min_duration: seconds; shorter recordings are left out without being failures.
        trials: {name: file} of trial lists to copy into `output`.
        jobs: recordings that are looked at at once, by threads or by jobs of another executor.

    Raises:
        InputError: `output` is the directory that is read, a trial with an unknown id.
        OutputError: `output` cannot be written, which is found out before any audio is looked at.
        JobError: no recording is left.
    """
    output = Path(output)
    if (data.path / "wav.scp").exists() and output.resolve() == data.path.resolve():
        raise InputError(f"{output}: is the directory that is read; name another --output")
    check_folder(output)
    refused = {key: reason for key, utterance in data.recordings.items() if (reason := unlistable(utterance))}
    findings = check(data.subset(key for key in data.recordings if key not in refused), full, jobs)
    findings.failed.update({key: one_line(f"{data.recordings[key].source}: {why}") for key, why in refused.items()})
    kept = sorted(key for key, seconds in findings.durations.items() if seconds >= min_duration)
    short = len(findings.durations) - len(kept)
    if not kept:
        reason = next(iter(findings.failed.values()), f"all are shorter than {min_duration:g} s")
        raise JobError(f"{data.path}: no recording can be used; the first: {reason}")
    lists = {name: _read_trials(file, data) for name, file in (trials or {}).items()}
    durations = {key: findings.durations[key] for key in kept}
    result = replace(data.subset(kept), utt2dur=durations)
    write_failures(output, findings.failed)
    for name, text in lists.items():
        write_text(output / name, text)
    result.write(output)
    return Prepared(
        output=str(output),
        recordings=len(kept),
        speakers=None if result.utt2spk is None else len(set(result.utt2spk.values())),
        hours=sum(durations.values()) / 3600,
        failed=findings.failed,
        short=short,
        trials={name: text.count("\n") for name, text in lists.items()},
        passed_over=data.passed_over,
    )


def read_list(wav_scp: str | Path, segments: str | Path | None = None) -> DataDir:
    """A DataDir of one wav.scp and, maybe, one segments file. Raises InputError naming the line."""
    recordings = read_wav_scp(wav_scp)
    if not recordings:
        raise InputError(f"{wav_scp}: is empty")
    return with_segments(DataDir(recordings, Path(wav_scp).parent), segments)


def with_segments(data: DataDir, segments: str | Path | None) -> DataDir:
    """`data` cut into the stretches that a segments file names (`utterance recording start end`, seconds)."""
    if segments is None:
        return data
    if data.has_segments:
        raise InputError(f"{segments}: {data.path} has segments of its own")
    return replace(data, recordings=read_segments(Path(segments), data.recordings), utt2spk=None, utt2dur={})


def write_failures(folder: str | Path, failed: Mapping[str, str]) -> Path:
    """Writes `folder/failed.txt` (`id<TAB>reason`), or removes the one of an earlier run; returns its path.

    An id that is not UTF-8 or has control characters is written with escapes, as in the message.
    """
    path = make_folder(folder) / "failed.txt"
    if failed:
        write_text(path, "".join(f"{one_line(key)}\t{one_line(failed[key])}\n" for key in sorted(failed)))
    else:
        path.unlink(missing_ok=True)
    return path


def _read_trials(path: Path, data: DataDir) -> str:
    """The text of a VoxCeleb list (`1 enrol test`). Raises InputError for an id that `data` lacks."""
    lines = [line.rstrip("\r") for line in read_text(path).split("\n")]
    for number, line in enumerate(lines, 1):
        for key in line.split()[1:]:
            if key not in data.recordings:
                raise InputError(f"{path}:{number}: '{key}' is not among the recordings in {data.path}")
    return "\n".join(line for line in lines if line.strip()) + "\n"
