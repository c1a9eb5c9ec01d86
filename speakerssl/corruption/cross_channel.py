"""Cross-channel trials: the same list with its test side passed through channels that training never used.

Where every speaker was recorded in one session, the room and the microphone give the speaker away and a clean list
rewards an encoder for knowing them. A channel of its own for every test recording takes that away.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from speakerssl.corruption.channels import VERSION, ChannelSpec, build_channel
from speakerssl.corruption.write_corrupted import (
    CorruptedCopy,
    begin_output,
    failure_message,
    speech_option,
    write_copies,
)
from speakerssl.data.folders import list_audio
from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.data.tables import write_table
from speakerssl.errors import InputError, JobError
from speakerssl.io import read_bytes, write_text
from speakerssl.resume import Identity, folder_state, output_lock
from speakerssl.trials.trial_list import Trials, read_trials


def make_cross_channel(
    data_dir: str | Path,
    trials: str | Path,
    output_dir: str | Path,
    seed: int = 0,
    channels_source: str | Path | None = None,
    training_sources: Sequence[str | Path] = (),
    suffix: str = "-xc",
    jobs: int = 0,
    verify: str = "stat",
    on_no_speech: str = "error",
) -> Path:
    """Writes the corrupted test side, a data directory of both sides and the new list; returns the list's path.

    `output_dir` then holds `audio/<id><suffix>.flac`, `wav.scp` (enrolment recordings as they are, test recordings
    corrupted), `utt2spk` when there was one, `utt2channel` (what was done to each, for slices of the results) and the
    list under its own name. A recording's channel follows from the seed and its id alone, to the byte.

    Args:
        data_dir: Kaldi data directory of both sides of the list.
        trials: any form that `read_trials` knows.
        channels_source: folder with held-out recordings: `rir/` of room responses, all else noises; None: simulated.
        training_sources: folders that training draws noises or responses from; overlap with the source is an error.
        suffix: appended to test ids.
        jobs: processes; 0: one a core.
        verify: what tells that a recording has not changed since an earlier run, one of resume.VERIFY.
        on_no_speech: what happens to a test recording without speech, one of data.speech.ON_NO_SPEECH.

    Raises:
        InputError: unknown ids, a folder that is missing, made with other options or also used by training.
        JobError: test recordings that cannot be read or hold no speech, after all others are written.
    """
    output, trials = Path(output_dir), Path(trials)
    data, pairs = DataDir.read(data_dir), read_trials(trials)
    _check_ids(data, pairs, trials, suffix)
    source = None if channels_source is None else Path(channels_source).resolve()
    for folder in training_sources:
        _check_apart(source, Path(folder).resolve())
    options = {
        "channels": "test",
        "version": VERSION,
        "seed": seed,
        "suffix": suffix,
        "source": [] if source is None else [str(path.relative_to(source)) for path in list_audio(source)],
        "source_files": "" if source is None else folder_state(source, verify),
        "trials": hashlib.sha256(read_bytes(trials)).hexdigest(),
        **speech_option(on_no_speech),
    }
    used = [data.recordings[key] for key in sorted({*pairs.enrol_ids, *pairs.test_ids})]
    spec = ChannelSpec("test", seed, None if source is None else str(source))
    copies = [
        CorruptedCopy(key + suffix, data.recordings[key], str(output / "audio" / f"{_safe(key)}{suffix}.flac"))
        for key in sorted(set(pairs.test_ids))
    ]
    build_channel(spec)  # what is wrong with it is said before anything is written
    with output_lock(output):
        if not begin_output(output, Identity.of(used, verify, options), copies):
            words, failed = write_copies(copies, spec, output, jobs, on_no_speech)
            if failed:  # without them it would be another list
                raise JobError(failure_message(failed, output))
            write_table(output / "utt2channel", words.items())
            write_text(output / trials.name, _lines(pairs, suffix))
            _data_dir(data, sorted(set(pairs.enrol_ids)), copies, suffix).write(output)
    return output / trials.name


def _data_dir(data: DataDir, enrolment: Sequence[str], copies: Sequence[CorruptedCopy], suffix: str) -> DataDir:
    """Clean enrolment and corrupted test recordings side by side."""
    clean = data.subset(enrolment)
    recordings, durations = dict(clean.recordings), dict(clean.utt2dur)
    speakers = None if clean.utt2spk is None else dict(clean.utt2spk)
    for copy in copies:
        original = copy.utterance.id
        recordings[copy.id] = Utterance(copy.id, copy.path, recording=copy.id)
        if original in data.utt2dur:
            durations[copy.id] = data.utt2dur[original]
        if speakers is not None and data.utt2spk is not None and original in data.utt2spk:
            speakers[copy.id] = data.utt2spk[original]
    return DataDir(recordings, utt2spk=speakers, utt2dur=durations)


def _lines(pairs: Trials, suffix: str) -> str:
    rows = []
    for row in range(len(pairs)):
        enrol, test = pairs.pair(row)
        label = "" if pairs.labels is None else f"{int(pairs.labels[row])} "
        rows.append(f"{label}{enrol} {test}{suffix}\n")
    return "".join(rows)


def _check_ids(data: DataDir, pairs: Trials, trials: Path, suffix: str) -> None:
    for row in range(len(pairs)):
        for key in pairs.pair(row):
            if key not in data.recordings:
                raise InputError(f"{trials}:{row + 1}: '{key}' is not in {data.path}/wav.scp")
    taken = {key + suffix for key in pairs.test_ids} & set(data.recordings)
    if not suffix or taken:
        raise InputError(f"suffix '{suffix}': gives ids that {data.path}/wav.scp already has; choose another")


def _check_apart(source: Path | None, training: Path) -> None:
    if source is not None and (source == training or source in training.parents or training in source.parents):
        raise InputError(
            f"{source}: training also draws from {training}; the test channels must be ones that it never used"
        )


def _safe(key: str) -> str:
    """An id as a file name: VoxCeleb's ids are paths."""
    return key.replace("/", "--")
