"""How an extraction is shared out: what computes the network, how many processes, what each takes at a time."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.data.lengths import read_lengths
from speakerssl.embeddings.model import ONNX_SUFFIX
from speakerssl.errors import InputError
from speakerssl.io import remark
from speakerssl.processes import check_jobs, count_cores

if TYPE_CHECKING:
    from speakerssl.embeddings.engines import Engine

SECONDS_A_PROCESS = 600.0  # less audio than this does not repay the start of one more process
AUTO_SECONDS = 120.0  # of audio: with less to do, even loading the model to measure engines would not pay
PROBED, PROBE_SECONDS_OF_RECORDING = 3, 6.0  # recordings, and seconds of each, that engines are measured on
SEGMENTS = 64  # of one recording that a process takes at a time
_log = logging.getLogger("speakerssl")


@dataclass(frozen=True)
class ExtractionOptions:
    """How to extract; None takes what the model's configuration (crops) or the machine (jobs, batches) suggests.

    `batch_seconds` is the padded length of a batch; it decides speed and memory, never the embeddings. By default a
    CPU takes one recording at a time, which is faster there than padding, and other devices 60 seconds.
    `on_no_speech` is one of data.speech.ON_NO_SPEECH, `verify` one of resume.VERIFY. `engine` is one of
    engines.ENGINES, or `auto`: the fastest on this machine, measured where there is enough to do.
    """

    num_crops: int | None = None
    crop_seconds: float | None = None
    batch_seconds: float | None = None
    device: str = "cpu"
    jobs: int | None = None
    threads: int = 1
    resume: bool = True
    quiet: bool = False
    on_no_speech: str = "error"
    verify: str = "stat"
    engine: str = "auto"


def pick_engine(
    model: str, directory: DataDir, durations: Mapping[str, float], options: ExtractionOptions
) -> "Engine | None":
    """What is to compute the network of a model directory; None: torch, or what an ONNX file needs anyway.

    Raises InputError for an engine that is not known or cannot be used here.
    """
    if model.endswith(ONNX_SUFFIX):
        if options.engine not in ("auto", "onnx"):
            raise InputError(f"--engine {options.engine}: {model} is an ONNX file, which only onnx computes")
        return None
    if options.engine == "auto" and (options.device != "cpu" or sum(durations.values()) < AUTO_SECONDS):
        return None
    from speakerssl.embeddings.engine_choice import choose_engine
    from speakerssl.embeddings.engines import build_engine
    from speakerssl.embeddings.torch_model import load_torch_model

    loaded = load_torch_model(model, options.device)
    if options.engine != "auto":
        return build_engine(options.engine, loaded.encoder)
    order = sorted(durations, key=lambda key: durations[key])
    feats = []
    for key in order[len(order) // 2 :][:PROBED]:  # of the length that is most common
        with suppress(InputError):  # which the job itself will report
            seconds = min(durations[key], PROBE_SECONDS_OF_RECORDING)
            feats.append(loaded.features(directory.recordings[key].read(0.0, seconds, loaded.sample_rate)))
    if not feats:
        return None
    seconds = sum(durations.values()) / choose_jobs(options, sum(durations.values()))  # others work meanwhile
    return choose_engine(loaded.encoder, feats, seconds / 0.01, _log.info if options.quiet else remark)


def choose_jobs(options: ExtractionOptions, seconds: float) -> int:
    """The number of processes for `seconds` of audio. Raises InputError for a number that is none."""
    if options.jobs:
        return check_jobs(options.jobs)
    if options.device != "cpu":
        return 1  # one process feeds the device
    return max(1, min(count_cores() // options.threads, int(seconds / SECONDS_A_PROCESS)))


def by_source(directory: DataDir, durations: Mapping[str, float]) -> list[list[str]]:
    """Ids by the file that they are in, at most SEGMENTS of one at a time, the longest first: a file is opened once."""
    found: dict[str, list[str]] = {}
    for key in directory.recordings:
        if key in durations:
            found.setdefault(directory.recordings[key].source, []).append(key)
    groups = [keys[i : i + SEGMENTS] for keys in found.values() for i in range(0, len(keys), SEGMENTS)]
    return sorted(groups, key=lambda keys: (-sum(durations[key] for key in keys), keys[0]))


def known_durations(directory: DataDir, utterances: list[Utterance]) -> tuple[dict[str, float], dict[str, str]]:
    """Seconds by id from utt2dur or headers, and the reasons why some have none."""
    known = {u.id: directory.utt2dur[u.id] for u in utterances if u.id in directory.utt2dur}
    failed: dict[str, str] = {}
    unknown = [utterance for utterance in utterances if utterance.id not in known]
    for utterance, seconds in read_lengths(unknown):
        if isinstance(seconds, Exception):
            failed[utterance.id] = str(seconds)
        else:
            known[utterance.id] = seconds
    return known, failed
