"""Embeddings of a list of recordings for a person: into one file of any format, or one by one as they are done."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from speakerssl.constants import FULL_SCALE
from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.extraction import Extracted, embed_directory
from speakerssl.embeddings.extraction_plan import ExtractionOptions
from speakerssl.embeddings.model import load_model, unit_vectors
from speakerssl.embeddings.outputs import check_format, write_as
from speakerssl.errors import InputError

Row = tuple[str, np.ndarray | None, str]  # id, vector [D] or None, why there is none


def embed_to_file(
    model: str | Path, directory: DataDir, output: str | Path, raw: bool = False,
    options: ExtractionOptions | None = None,
) -> Extracted:  # fmt: skip
    """Embeds `directory` into the file `output`, whose suffix is the format; see `extraction.embed_directory`.

    What is done lies in a hidden folder beside `output` until all is, so that a stopped job goes on.
    """
    check_format(output)
    path = Path(output)
    work = path.parent / f".{path.name}.parts"

    def write(done: Mapping[str, np.ndarray]) -> dict[str, str]:
        ids = [key for key in directory.recordings if key in done]
        matrix = np.stack([done[key] for key in ids])
        files = write_as(path, ids, matrix if raw else unit_vectors(matrix))
        return {file.name: str(file) for file in files}

    done = embed_directory(model, directory, work, write, options)
    shutil.rmtree(work, ignore_errors=True)
    return replace(done, output=str(path))


def embed_one_by_one(
    model: str | Path, directory: DataDir, raw: bool = False, device: str = "cpu", on_no_speech: str = "error"
) -> Iterator[Row]:
    """(id, vector, '') of each recording in order, or (id, None, reason) of one that cannot be embedded."""
    loaded = load_model(model, device)
    for utterance in directory.utterances:
        try:
            seconds = directory.utt2dur.get(utterance.id) or utterance.duration()
            vector = loaded.encode_utterance(utterance, on_no_speech, seconds)
        except InputError as error:
            yield utterance.id, None, str(error)
            continue
        yield utterance.id, vector if raw else unit_vectors(vector[None])[0], ""


def embed_windows_of(
    model: str | Path, directory: DataDir, window: float, step: float, vad: str, device: str = "cpu"
) -> Iterator[Row]:
    """A row for each window of each recording, its id that of the recording with `-BEGIN-END` in milliseconds."""
    loaded = load_model(model, device)
    for utterance in directory.utterances:
        offset = utterance.start
        try:
            whole = not utterance.is_segment
            audio = utterance.source if whole else (utterance.read(sample_rate=loaded.sample_rate) / FULL_SCALE)
            found = loaded.embed_segments(audio, window, step, vad, sample_rate=loaded.sample_rate)
        except InputError as error:
            yield utterance.id, None, str(error)
            continue
        if not len(found):
            yield utterance.id, None, f"{utterance.id}: no speech was found in it (vad {vad})"
        for (begin, end), vector in zip(found.times + offset, found.embeddings):
            yield f"{utterance.id}-{round(1000 * begin):07d}-{round(1000 * end):07d}", vector, ""
