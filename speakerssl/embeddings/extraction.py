"""Embeddings of every recording in a data directory, stored as the encoder gives them (not length-normalized)."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.data.kaldi import DataDir, Utterance, invert
from speakerssl.data.parallel import map_threads
from speakerssl.data.prepare import write_failures
from speakerssl.embeddings.batches import length_batches
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.model_dir import CONFIG, WEIGHTS, read_model_dir
from speakerssl.embeddings.resume import Parts
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.errors import JobError
from speakerssl.io import atomic_path, progress

SECONDS_A_PROCESS = 600.0  # less audio than this does not repay the start of one more process


@dataclass(frozen=True)
class ExtractionOptions:
    """How to extract; None takes what the model's configuration (crops) or the machine (jobs) suggests.

    `batch_seconds` is the padded length of a batch; it decides speed and memory, never the embeddings.
    """

    num_crops: int | None = None
    crop_seconds: float | None = None
    batch_seconds: float = 60.0
    device: str = "cpu"
    jobs: int | None = None
    threads: int = 1
    resume: bool = True
    quiet: bool = False


@dataclass(frozen=True)
class Extracted:
    """What `extract` did: numbers of recordings, {id: reason} of failures, the files by name."""

    output: str
    recordings: int
    resumed: int
    dim: int
    speakers: int | None
    failed: Mapping[str, str]
    files: Mapping[str, str]


def extract(
    model: str | Path, data: str | Path, output: str | Path, options: ExtractionOptions | None = None
) -> Extracted:
    """Embeds all recordings of the data directory `data` with the model directory `model`.

    Writes `output/xvector.{ark,scp,npz}`, `mean_vec.npy` (the mean embedding), `spk_xvector.{ark,scp,npz}` (each
    speaker's mean embedding) when speakers are known, `extraction.json`, and `failed.txt` when recordings could
    not be read. Stopped and started again with the same model, data and crops, it goes on where it was.

    Raises:
        InputError: model or data directory at fault.
        JobError: no recording could be embedded, or a process died (what is done is kept).
    """
    options = options or ExtractionOptions()
    config, _, _ = read_model_dir(model)
    crops = _crops(config, options, f"{model}/{CONFIG}")
    directory = DataDir.read(data)
    parts = Parts(output, _job(Path(model), directory, crops), options.resume)
    resumed = len(parts.done)
    failed = _embed_missing(Path(model), directory, crops, parts, options)
    if not parts.done:
        raise JobError(f"{data}: no recording could be embedded; the first: {next(iter(failed.values()))}")
    write_failures(output, failed)
    parts.begin_finish()
    files = _write(Path(output), parts.done, directory.utt2spk)
    parts.finish()
    dim = len(next(iter(parts.done.values())))
    speakers = len(set(directory.utt2spk.values())) if directory.utt2spk else None
    return Extracted(str(output), len(parts.done), resumed, dim, speakers, failed, files)


def _embed_missing(
    model: Path, directory: DataDir, crops: Crops, parts: Parts, options: ExtractionOptions
) -> dict[str, str]:
    """Embeds what `parts` lacks; returns {id: reason} of the recordings that failed."""
    from speakerssl.embeddings.workers import embed_all

    missing = [utterance for utterance in directory.utterances if utterance.id not in parts.done]
    durations, failed = _durations(directory, missing)
    if not durations:
        return failed
    batches = [
        [directory.recordings[key] for key in batch] for batch in length_batches(durations, options.batch_seconds)
    ]
    jobs = _jobs(options, sum(durations.values()))
    results = embed_all(model, batches, crops, options.device, min(jobs, len(batches)), options.threads)
    try:
        for result in progress(results, len(batches), "extracting", options.quiet):
            parts.add(result.ids, result.embeddings)
            failed.update(result.failed)
    finally:
        parts.flush()
    return failed


def _durations(directory: DataDir, utterances: list[Utterance]) -> tuple[dict[str, float], dict[str, str]]:
    """Seconds by id from utt2dur or headers, and the reasons why some have none."""
    known = {u.id: directory.utt2dur[u.id] for u in utterances if u.id in directory.utt2dur}
    failed: dict[str, str] = {}
    unknown = [utterance for utterance in utterances if utterance.id not in known]
    for utterance, seconds in map_threads(Utterance.duration, unknown, "reading headers"):
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


def _job(model: Path, directory: DataDir, crops: Crops) -> dict[str, Any]:
    """What decides the embeddings: the model's bytes, the crops, and where each recording lies."""
    listing = [(u.id, os.path.abspath(u.source), u.start, u.end) for u in directory.utterances]
    return {
        "model": str(model),
        "weights_sha256": hashlib.sha256((model / WEIGHTS).read_bytes()).hexdigest(),
        "config_sha256": hashlib.sha256((model / CONFIG).read_bytes()).hexdigest(),
        "data": str(directory.path),
        "recordings_sha256": hashlib.sha256(json.dumps(listing).encode()).hexdigest(),
        "crops": asdict(crops),
        "normalized": False,
    }


def _jobs(options: ExtractionOptions, seconds: float) -> int:
    if options.jobs is not None:
        return options.jobs
    if options.device != "cpu":
        return 1  # one process feeds the device
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores // options.threads, int(seconds / SECONDS_A_PROCESS)))
