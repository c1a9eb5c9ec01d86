"""Embedding batches of recordings: here, or in processes of one thread each."""

import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from speakerssl.data.kaldi import Utterance
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.model import SpeakerModel, load_model
from speakerssl.errors import InputError, JobError


@dataclass(frozen=True)
class Result:
    """Embeddings [N, D] of the `ids` of one batch; {id: reason} of those that could not be embedded."""

    ids: list[str]
    embeddings: np.ndarray
    failed: dict[str, str]


def embed_batch(model: SpeakerModel, batch: Sequence[Utterance]) -> Result:
    """Reads and embeds `batch`; a recording that cannot be read leaves the others untouched."""
    ids, waveforms, failed = [], [], {}
    for utterance in batch:
        try:
            waveforms.append(utterance.read(sample_rate=model.sample_rate))
            ids.append(utterance.id)
        except InputError as error:
            failed[utterance.id] = str(error)
    embeddings = model.encode(waveforms) if waveforms else np.empty((0, model.embed_dim), np.float32)
    finite: np.ndarray = np.isfinite(embeddings).all(axis=1)  # type: ignore[assignment]
    for row in np.flatnonzero(~finite):
        failed[ids[row]] = f"{ids[row]}: the encoder gives NaN or infinity"
    return Result([key for key, good in zip(ids, finite) if good], embeddings[finite], failed)


def embed_all(
    directory: str | Path, batches: Sequence[Sequence[Utterance]], crops: Crops, device: str, jobs: int, threads: int
) -> Iterator[Result]:
    """The results of all batches in order, by `jobs` processes of `threads` threads (1: this process).

    Raises JobError when a process dies.
    """
    if jobs <= 1:
        _start(str(directory), crops, device, threads, quiet=False)
        yield from map(_work, batches)
        return
    context = multiprocessing.get_context("spawn")  # forked threads of torch can hang
    start = (str(directory), crops, device, threads, True)
    try:
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=start) as pool:
            yield from pool.map(_work, batches)
    except BrokenProcessPool:
        raise JobError(
            "a process of the extraction died (out of memory?); run again with fewer --jobs or smaller "
            "--batch-seconds, it goes on where it stopped"
        ) from None


_model: SpeakerModel | None = None


def _start(directory: str, crops: Crops, device: str, threads: int, quiet: bool) -> None:
    global _model
    torch.set_num_threads(threads)
    if quiet:
        logging.getLogger("speakerssl").setLevel(logging.ERROR)  # remarks about rates and channels, said by all
    _model = replace(load_model(directory, device), crops=crops)


def _work(batch: Sequence[Utterance]) -> Result:
    assert _model is not None
    # TF32 would make an embedding depend on its batch in the third digit.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return embed_batch(_model, batch)
