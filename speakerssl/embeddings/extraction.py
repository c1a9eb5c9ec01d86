"""Embeddings of every recording in a data directory, stored as the encoder gives them (not length-normalized)."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.data.kaldi import DataDir, invert
from speakerssl.data.prepare import write_failures
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.extraction_plan import (
    ExtractionOptions,
    by_source,
    choose_jobs,
    known_durations,
    pick_engine,
)
from speakerssl.embeddings.model import ONNX_SUFFIX, load_model
from speakerssl.embeddings.pieces import STREAM_SECONDS
from speakerssl.embeddings.pretrained import resolve_model, without_torch
from speakerssl.embeddings.rate import Rate
from speakerssl.embeddings.resume import Parts
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.embeddings.workers import WorkerSettings, embed_all
from speakerssl.errors import JobError
from speakerssl.io import atomic_path
from speakerssl.resume import Identity, output_lock

CONFIG, WEIGHTS = "config.yaml", "model.safetensors"  # as model_dir has them, which needs torch
DEVICE_BATCH_SECONDS = 60.0


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
    durations, failed = known_durations(directory, missing)
    engine = pick_engine(model, directory, durations, options)
    engine_name = "onnx" if model.endswith(ONNX_SUFFIX) else getattr(engine, "name", "torch")
    if not durations:
        return failed, engine_name
    pad = options.batch_seconds is not None or options.device != "cpu"
    if pad:
        from speakerssl.encoders.masking import length_batches

        listed = length_batches(durations, options.batch_seconds or DEVICE_BATCH_SECONDS)
    else:
        listed = by_source(directory, durations)
    batches = [[directory.recordings[key] for key in batch] for batch in listed]
    jobs = min(choose_jobs(options, sum(durations.values())), len(batches))
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
