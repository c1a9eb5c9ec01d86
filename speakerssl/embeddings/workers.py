"""Embedding batches of recordings: here, or in processes of one thread each."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from speakerssl.data.kaldi import Utterance
from speakerssl.data.speech import check_speech
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.model import SpeakerModel, load_model
from speakerssl.errors import InputError
from speakerssl.processes import map_processes


@dataclass(frozen=True)
class WorkerSettings:
    """What a process needs to embed: the model directory, how recordings are cut, and where the network runs."""

    model: str
    crops: Crops
    device: str = "cpu"
    threads: int = 1
    on_no_speech: str = "error"
    pad: bool = True  # a batch goes through the network at once; else one recording after the other
    long: Mapping[str, float] = field(default_factory=dict)  # seconds of the recordings that are read in pieces


@dataclass(frozen=True)
class Result:
    """Embeddings [N, D] of the `ids` of one batch; {id: reason} of those that could not be embedded."""

    ids: list[str]
    embeddings: np.ndarray
    failed: dict[str, str]


def embed_batch(model: SpeakerModel, batch: Sequence[Utterance], settings: WorkerSettings) -> Result:
    """Reads and embeds `batch`; a recording that cannot be read or has no speech leaves the others untouched."""
    found: dict[str, np.ndarray] = {}
    waiting: dict[str, np.ndarray] = {}  # the waveforms of a padded batch
    failed: dict[str, str] = {}
    for utterance in batch:
        name, rate = utterance_name(utterance), model.sample_rate
        try:
            if utterance.id in settings.long:
                seconds = settings.long[utterance.id]
                found[utterance.id] = model.encode_long(utterance, seconds, name, settings.on_no_speech)
                continue
            wave = utterance.read(sample_rate=rate)
            check_speech(wave, rate, name, settings.on_no_speech)
        except InputError as error:
            failed[utterance.id] = str(error)
            continue
        if settings.pad:
            waiting[utterance.id] = wave
        else:
            found[utterance.id] = model.encode([wave])[0]
    if waiting:
        found.update(zip(waiting, model.encode(list(waiting.values()))))
    finite = {key: vector for key, vector in found.items() if np.isfinite(vector).all()}
    failed |= {key: f"{key}: the encoder gives NaN or infinity" for key in found if key not in finite}
    embeddings = np.stack(list(finite.values())) if finite else np.empty((0, model.embed_dim), np.float32)
    return Result(list(finite), embeddings, failed)


def utterance_name(utterance: Utterance) -> str:
    """`wav.scp:LINE: file`, as messages on audio name a recording; its id where it is not from a list."""
    return f"{utterance.where}: {utterance.source}" if utterance.where else utterance.id


def embed_all(settings: WorkerSettings, batches: Sequence[Sequence[Utterance]], jobs: int) -> Iterator[Result]:
    """The results of all batches in order, by `jobs` processes (1: this process).

    Raises JobError when a process dies.
    """
    if jobs <= 1:
        _start(settings, quiet=False)
        yield from map(_work, batches)
        return
    yield from map_processes(_work, batches, jobs, _start, (settings, True), start="spawn")


_model: SpeakerModel | None = None
_settings: WorkerSettings | None = None


def _start(settings: WorkerSettings, quiet: bool) -> None:
    global _model, _settings
    torch.set_num_threads(settings.threads)
    if quiet:
        logging.getLogger("speakerssl").setLevel(logging.ERROR)  # remarks on rates and channels, said by all
    _settings = settings
    _model = replace(load_model(settings.model, settings.device), crops=settings.crops)


def _work(batch: Sequence[Utterance]) -> Result:
    assert _model is not None
    assert _settings is not None
    # TF32 would make an embedding depend on its batch in the third digit.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return embed_batch(_model, batch, _settings)
