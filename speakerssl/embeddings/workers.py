"""Embedding batches of recordings: here, or in processes of one thread each."""

import logging
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from speakerssl.data.kaldi import Utterance
from speakerssl.data.speech import check_speech
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.model import ONNX_SUFFIX, SpeakerModel, load_model
from speakerssl.embeddings.onnx_model import load_onnx_model
from speakerssl.embeddings.pieces import utterance_name
from speakerssl.errors import InputError
from speakerssl.processes import map_processes

READERS = 4  # threads that read for a device
AHEAD = 8  # batches that are read, or being read, while a device computes


@dataclass(frozen=True)
class WorkerSettings:
    """What a process needs to embed: the model, how recordings are cut, and where and by what the network runs."""

    model: str
    crops: Crops
    device: str = "cpu"
    threads: int = 1
    on_no_speech: str = "error"
    pad: bool = True  # a batch goes through the network at once; else one recording after the other
    long: Mapping[str, float] = field(default_factory=dict)  # seconds of the recordings that are read in pieces
    engine: Any = None  # an `engines.Engine` instead of torch


@dataclass(frozen=True)
class Result:
    """Embeddings [N, D] of the `ids` of one batch; {id: reason} of those that could not be embedded."""

    ids: list[str]
    embeddings: np.ndarray
    failed: dict[str, str]


@dataclass
class ReadBatch:
    """Waveforms by id, in memory; `long` ones, and all that are embedded one by one, are read when their turn comes."""

    waves: dict[str, np.ndarray] = field(default_factory=dict)
    later: list[Utterance] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def read_batch(model: SpeakerModel, batch: Sequence[Utterance], settings: WorkerSettings) -> ReadBatch:
    """Reads what goes through the network as a padded batch; what cannot be read or has no speech fails by its id."""
    read = ReadBatch()
    for utterance in batch:
        if utterance.id in settings.long or not settings.pad:
            read.later.append(utterance)
            continue
        try:
            wave = utterance.read(sample_rate=model.sample_rate)
            check_speech(wave, model.sample_rate, utterance_name(utterance), settings.on_no_speech)
            read.waves[utterance.id] = wave
        except InputError as error:
            read.failed[utterance.id] = str(error)
    return read


def embed_read(model: SpeakerModel, read: ReadBatch, settings: WorkerSettings) -> Result:
    """The embeddings of a batch; a recording that fails leaves the others untouched."""
    found: dict[str, np.ndarray] = {}
    failed = dict(read.failed)
    for utterance in read.later:
        try:
            seconds = settings.long.get(utterance.id, 0.0)
            found[utterance.id] = model.encode_utterance(utterance, settings.on_no_speech, seconds)
        except InputError as error:
            failed[utterance.id] = str(error)
    if read.waves:
        found.update(zip(read.waves, model.encode(list(read.waves.values()))))
    finite = {key: vector for key, vector in found.items() if np.isfinite(vector).all()}
    failed |= {key: f"{key}: the encoder gives NaN or infinity" for key in found if key not in finite}
    embeddings = np.stack(list(finite.values())) if finite else np.empty((0, model.embed_dim), np.float32)
    return Result(list(finite), embeddings, failed)


def embed_batch(model: SpeakerModel, batch: Sequence[Utterance], settings: WorkerSettings) -> Result:
    """Reads and embeds `batch`; a recording that cannot be read or has no speech leaves the others untouched."""
    return embed_read(model, read_batch(model, batch, settings), settings)


def embed_overlapped(
    model: SpeakerModel, batches: Sequence[Sequence[Utterance]], settings: WorkerSettings
) -> Iterator[Result]:
    """The results of all batches in order; threads read the next ones while the network computes one."""
    left = iter(batches)
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Future[ReadBatch]] = deque()

        def start(number: int) -> None:
            waiting.extend(pool.submit(read_batch, model, batch, settings) for batch in islice(left, number))

        start(AHEAD)
        while waiting:
            read = waiting.popleft().result()
            start(1)
            yield embed_read(model, read, settings)


def embed_all(settings: WorkerSettings, batches: Sequence[Sequence[Utterance]], jobs: int) -> Iterator[Result]:
    """The results of all batches in order, by `jobs` processes (1: this process).

    Raises JobError when a process dies.
    """
    if jobs > 1:
        yield from map_processes(_work, batches, jobs, _start, (settings, True), start="spawn")
        return
    _start(settings, quiet=False)
    if settings.device == "cpu":
        yield from map(_work, batches)
        return
    assert _model is not None
    with _exact():
        yield from embed_overlapped(_model, batches, settings)


_model: SpeakerModel | None = None
_settings: WorkerSettings | None = None


def _start(settings: WorkerSettings, quiet: bool) -> None:
    global _model, _settings
    if quiet:
        logging.getLogger("speakerssl").setLevel(logging.ERROR)  # remarks on rates and channels, said by all
    _settings = settings
    if settings.model.endswith(ONNX_SUFFIX):
        _model = replace(load_onnx_model(settings.model, settings.threads), crops=settings.crops)
    else:  # by torch, also a model of the package: an engine, where there is one, takes the place of its network
        model: Any = load_model(settings.model, settings.device, engine="torch")
        changes = {} if settings.engine is None else {"engine": settings.engine}
        _model = replace(model, crops=settings.crops, **changes)
    if torch := sys.modules.get("torch"):  # an ONNX file does without
        torch.set_num_threads(settings.threads)


def _work(batch: Sequence[Utterance]) -> Result:
    assert _model is not None
    assert _settings is not None
    with _exact():
        return embed_batch(_model, batch, _settings)


def _exact() -> Any:
    """TF32 would make an embedding depend on its batch in the third digit."""
    torch = sys.modules.get("torch")
    if torch is None:
        from contextlib import nullcontext

        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
