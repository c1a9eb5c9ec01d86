"""Embeddings of every recording in a data directory, stored as the encoder gives them (not length-normalized)."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speakerssl.data.kaldi import DataDir, Utterance, invert
from speakerssl.data.lengths import read_lengths
from speakerssl.data.prepare import write_failures
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.model import ONNX_SUFFIX, load_model
from speakerssl.embeddings.pieces import STREAM_SECONDS
from speakerssl.embeddings.pretrained import resolve_model, without_torch
from speakerssl.embeddings.rate import Rate
from speakerssl.embeddings.resume import Parts
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.embeddings.workers import WorkerSettings, embed_all
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path, remark
from speakerssl.processes import check_jobs, count_cores
from speakerssl.resume import Identity, output_lock

if TYPE_CHECKING:
    from speakerssl.embeddings.engines import Engine

CONFIG, WEIGHTS = "config.yaml", "model.safetensors"  # as model_dir has them, which needs torch
SECONDS_A_PROCESS = 600.0  # less audio than this does not repay the start of one more process
DEVICE_BATCH_SECONDS = 60.0
AUTO_SECONDS = 120.0  # of audio: with less to do, even loading the model to measure engines would not pay
PROBED, PROBE_SECONDS_OF_RECORDING = 3, 6.0  # recordings, and seconds of each, that engines are measured on
_log = logging.getLogger("speakerssl")
SEGMENTS = 64  # of one recording that a process takes at a time


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


@dataclass(frozen=True)
class Extracted:
    """What `extract` did: numbers of recordings, {id: reason} of failures, the files by name, what computed it."""

    output: str
    recordings: int
    resumed: int
    dim: int
    speakers: int | None
    failed: Mapping[str, str]
    files: Mapping[str, str]
    engine: str = "torch"


def extract(
    model: str | Path, data: str | Path, output: str | Path, options: ExtractionOptions | None = None
) -> Extracted:
    """Embeds all recordings of the data directory `data` with the model directory (or ONNX file) `model`.

    Writes `output/xvector.{ark,scp,npz}`, `mean_vec.npy` (the mean embedding), `spk_xvector.{ark,scp,npz}` (each
    speaker's mean embedding) when speakers are known, `identity.json` (what they were made from), and
    `failed.txt` when recordings could not be read or hold no speech. Started again it uses what is done, and computes
    what is new, what has changed since, and what failed.

    Raises:
        InputError: model or data directory at fault.
        JobError: no recording could be embedded, or a process died (what is done is kept).
    """
    directory = DataDir.read(data)
    return embed_directory(
        model, directory, output, lambda done: _write(Path(output), done, directory.utt2spk), options
    )


def embed_directory(
    model: str | Path,
    directory: DataDir,
    output: str | Path,
    write: Callable[[Mapping[str, np.ndarray]], Mapping[str, str]],
    options: ExtractionOptions | None = None,
) -> Extracted:
    """Embeds all recordings of `directory`, keeping what is done in the folder `output` meanwhile.

    `write` is given {id: embedding as the encoder gives it} and returns the files that it wrote, by name. Raises as
    `extract` does.
    """
    options = options or ExtractionOptions()
    model = without_torch(resolve_model(model), options.device, options.engine)
    crops = _crops(model_config(model), options, str(model))
    with output_lock(output):
        identity = Identity.of(directory.utterances, options.verify, _described(Path(model), crops, options))
        parts = Parts(output, identity, resume=options.resume)
        resumed = len(parts.done)
        failed, engine = _embed_missing(str(model), directory, crops, parts, options)
        if not parts.done:
            first = next(iter(failed.values()))
            raise JobError(f"{directory.path}: no recording could be embedded; the first: {first}")
        write_failures(output, failed)
        parts.begin_finish()
        files = dict(write(parts.done))
        parts.finish()
    dim = len(next(iter(parts.done.values())))
    speakers = len(set(directory.utt2spk.values())) if directory.utt2spk else None
    return Extracted(str(output), len(parts.done), resumed, dim, speakers, failed, files, engine)


def model_config(model: str | Path) -> Mapping[str, Any]:
    """The configuration of a model directory or ONNX file. Raises InputError as `load_model` does."""
    if Path(model).suffix == ONNX_SUFFIX:
        return load_model(model).config
    from speakerssl.embeddings.model_dir import read_model_dir

    return read_model_dir(model)[0]


def _embed_missing(
    model: str, directory: DataDir, crops: Crops, parts: Parts, options: ExtractionOptions
) -> tuple[dict[str, str], str]:
    """Embeds what `parts` lacks; returns {id: reason} of the recordings that failed, and the engine that was used."""
    missing = [utterance for utterance in directory.utterances if utterance.id not in parts.done]
    durations, failed = _durations(directory, missing)
    engine = pick_engine(model, directory, durations, options)
    engine_name = "onnx" if model.endswith(ONNX_SUFFIX) else getattr(engine, "name", "torch")
    if not durations:
        return failed, engine_name
    pad = options.batch_seconds is not None or options.device != "cpu"
    if pad:
        from speakerssl.encoders.masking import length_batches

        listed = length_batches(durations, options.batch_seconds or DEVICE_BATCH_SECONDS)
    else:
        listed = _by_source(directory, durations)
    batches = [[directory.recordings[key] for key in batch] for batch in listed]
    jobs = min(_jobs(options, sum(durations.values())), len(batches))
    long = {key: seconds for key, seconds in durations.items() if seconds > STREAM_SECONDS}
    settings = WorkerSettings(model, crops, options.device, options.threads, options.on_no_speech, pad, long, engine)
    try:
        with Rate(sum(durations.values()), options.quiet) as rate:
            for batch, result in zip(listed, embed_all(settings, batches, jobs)):
                parts.add(result.ids, result.embeddings)
                failed.update(result.failed)
                rate.done(len(batch), sum(durations[key] for key in batch))
    finally:
        parts.flush()
    return failed, engine_name


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
    total = sum(durations.values()) / 0.01
    if not feats:
        return None
    return choose_engine(loaded.encoder, feats, total, _log.info if options.quiet else remark)


def _by_source(directory: DataDir, durations: Mapping[str, float]) -> list[list[str]]:
    """Ids by the file that they are in, at most SEGMENTS of one at a time, the longest first: a file is opened once."""
    by_source: dict[str, list[str]] = {}
    for key in directory.recordings:
        if key in durations:
            by_source.setdefault(directory.recordings[key].source, []).append(key)
    groups = [keys[i : i + SEGMENTS] for keys in by_source.values() for i in range(0, len(keys), SEGMENTS)]
    return sorted(groups, key=lambda keys: (-sum(durations[key] for key in keys), keys[0]))


def _durations(directory: DataDir, utterances: list[Utterance]) -> tuple[dict[str, float], dict[str, str]]:
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


def _write(output: Path, embeddings: Mapping[str, np.ndarray], utt2spk: Mapping[str, str] | None) -> dict[str, str]:
    ids = sorted(embeddings)
    matrix = np.stack([embeddings[key] for key in ids])
    files = {f"xvector.{suffix}": path for suffix, path in write_embeddings(output, ids, matrix).items()}
    files["mean_vec.npy"] = output / "mean_vec.npy"
    with atomic_path(files["mean_vec.npy"]) as temporary:
        np.save(temporary, matrix.mean(axis=0, dtype=np.float64).astype(np.float32))
    for suffix in ("ark", "scp", "npz"):  # of an earlier run, when there were labels
        (output / f"spk_xvector.{suffix}").unlink(missing_ok=True)
    if utt2spk:
        of_speaker = invert({key: utt2spk[key] for key in ids if key in utt2spk})
        means = [np.mean([embeddings[key] for key in keys], axis=0) for keys in of_speaker.values()]
        written = write_embeddings(output, list(of_speaker), np.stack(means), stem="spk_xvector")
        files |= {f"spk_xvector.{suffix}": path for suffix, path in written.items()}
    return {name: str(path) for name, path in files.items()}


def _crops(config: Mapping[str, Any], options: ExtractionOptions, where: str) -> Crops:
    of_model = Crops.from_config(config.get("evaluation") or {}, where)
    number = of_model.number if options.num_crops is None else options.num_crops
    seconds = of_model.seconds if options.crop_seconds is None else options.crop_seconds
    return Crops(number, seconds, of_model.mean)


def _described(model: Path, crops: Crops, options: ExtractionOptions) -> dict[str, Any]:
    """The options that decide the embeddings, the bytes of the model among them."""
    folder = {"weights": model / WEIGHTS, "config": model / CONFIG}
    files = {"weights": model} if model.suffix == ONNX_SUFFIX else folder
    return {
        "model": str(model),
        **{f"{name}_sha256": hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
        "crops": asdict(crops),
        "on_no_speech": options.on_no_speech,
        "normalized": False,
    }


def _jobs(options: ExtractionOptions, seconds: float) -> int:
    if options.jobs:
        return check_jobs(options.jobs)
    if options.device != "cpu":
        return 1  # one process feeds the device
    return max(1, min(count_cores() // options.threads, int(seconds / SECONDS_A_PROCESS)))
