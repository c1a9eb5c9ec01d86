"""Embedding batches of recordings: here, or in processes of one thread each."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Result:
    """Embeddings [N, D] of the `ids` of one batch; {id: reason} of those that could not be embedded."""

    ids: list[str]
    embeddings: np.ndarray
    failed: dict[str, str]


def embed_batch(model: SpeakerModel, batch: Sequence[Utterance], on_no_speech: str = "error") -> Result:
    """Reads and embeds `batch`; a recording that cannot be read or has no speech leaves the others untouched."""
    ids, waveforms, failed = [], [], {}
    for utterance in batch:
        try:
            wave = utterance.read(sample_rate=model.sample_rate)
            check_speech(wave, model.sample_rate, utterance_name(utterance), on_no_speech)
        except InputError as error:
            failed[utterance.id] = str(error)
            continue
        waveforms.append(wave)
        ids.append(utterance.id)
    embeddings = model.encode(waveforms) if waveforms else np.empty((0, model.embed_dim), np.float32)
    finite: np.ndarray = np.isfinite(embeddings).all(axis=1)  # type: ignore[assignment]
    for row in np.flatnonzero(~finite):
        failed[ids[row]] = f"{ids[row]}: the encoder gives NaN or infinity"
    return Result([key for key, good in zip(ids, finite) if good], embeddings[finite], failed)


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
        return embed_batch(_model, batch, _settings.on_no_speech)
