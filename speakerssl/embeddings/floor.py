"""The feature-statistics floor: what no training at all reaches, to be printed beside every result.

Mean and standard deviation of 30 MFCCs over a recording, each of the 60 values z-normalized over the set that is
scored. On single-session data this already gives 9 to 10 % EER, since it knows the room and the microphone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from speakerssl.data.kaldi import Utterance, merged_recordings
from speakerssl.data.prepare import write_failures
from speakerssl.data.speech import check_speech
from speakerssl.embeddings.pieces import checked_pieces, long_seconds, read_pieces, utterance_name
from speakerssl.embeddings.resume import Parts
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.errors import InputError, JobError
from speakerssl.features.mfcc import Mfcc
from speakerssl.features.options import MfccOptions
from speakerssl.features.pieces import FrameStream
from speakerssl.io import atomic_path, progress
from speakerssl.resume import Identity, output_lock

OPTIONS = MfccOptions(num_ceps=30, num_mel_bins=30, low_freq=20.0, high_freq=7600.0, use_energy=False)
STATISTICS = "statistics.npz"  # before they are z-normalized: what a later run goes on from


def extract_floor(
    data: Sequence[str | Path],
    output: str | Path,
    on_no_speech: str = "error",
    verify: str = "stat",
    resume: bool = True,
) -> tuple[int, dict[str, str]]:
    """Writes `output/xvector.{ark,scp,npz}` of all recordings of the data directories; (their number, {id: failure}).

    Started again it uses what is done, as `extract` does.

    Raises:
        InputError: lists at fault, an id that means two recordings, an unwritable `output`.
        JobError: no recording could be used.
    """
    recordings = merged_recordings(data)
    options = {"features": asdict(OPTIONS), "on_no_speech": on_no_speech}
    with output_lock(output):
        identity = Identity.of(recordings.values(), verify, options)
        parts = Parts(output, identity, STATISTICS, resume)
        missing = [utterance for key, utterance in recordings.items() if key not in parts.done]
        failed: dict[str, str] = {}
        try:
            for utterance, found in raw_statistics(missing, on_no_speech):
                if isinstance(found, InputError):
                    failed[utterance.id] = str(found)
                else:
                    parts.add([utterance.id], found[None])
        finally:
            parts.flush()
        if not parts.done:
            raise JobError(f"no recording could be used; the first: {next(iter(failed.values()))}")
        write_failures(output, failed)
        ids = [key for key in recordings if key in parts.done]
        matrix = np.stack([parts.done[key] for key in ids])
        parts.begin_finish()
        with atomic_path(Path(output) / STATISTICS) as temporary:
            np.savez(temporary, ids=np.array(ids), embeddings=matrix)
        write_embeddings(output, ids, z_normalize(matrix))
        parts.finish()
    return len(ids), failed


def raw_statistics(
    utterances: Sequence[Utterance], on_no_speech: str = "error"
) -> Iterator[tuple[Utterance, np.ndarray | InputError]]:
    """Yields (utterance, its float32 [60] before normalization, or why it has none)."""
    mfcc, rate = Mfcc(OPTIONS), round(OPTIONS.sample_frequency)
    for utterance in progress(utterances, len(utterances), "feature statistics"):
        name = utterance_name(utterance)
        try:
            if (seconds := long_seconds(utterance)) is not None:
                pieces = checked_pieces(read_pieces(utterance, seconds, rate), rate, name, on_no_speech)
                yield utterance, _statistics_of_pieces(mfcc, pieces)
                continue
            wave = utterance.read()
            check_speech(wave, rate, name, on_no_speech)
            with torch.no_grad():
                frames = mfcc(torch.from_numpy(wave))
            yield utterance, torch.cat([frames.mean(0), frames.std(0, correction=0)]).numpy()
        except InputError as error:
            yield utterance, error


@torch.no_grad()
def _statistics_of_pieces(mfcc: Mfcc, pieces: Iterable[np.ndarray]) -> np.ndarray:
    """The mean and standard deviation of the frames of a recording that is given in pieces."""
    stream, number = FrameStream(mfcc, OPTIONS, is_snipped=True), 0
    total, squares = torch.zeros(2, OPTIONS.num_ceps, dtype=torch.float64)
    for piece in pieces:
        if (frames := stream.push(piece, is_last=False)) is not None:
            number += len(frames)
            total += frames.sum(0, dtype=torch.float64)
            squares += frames.double().square().sum(0)
    mean = total / number
    return torch.cat([mean, (squares / number - mean.square()).clamp(min=0).sqrt()]).float().numpy()


def feature_statistics(utterances: Sequence[Utterance]) -> np.ndarray:
    """float32 [N, 60] of N recordings, z-normalized over them. Raises AudioError naming one that cannot be used."""
    rows = []
    for _, found in raw_statistics(utterances):
        if isinstance(found, InputError):
            raise found
        rows.append(found)
    return z_normalize(np.stack(rows))


def z_normalize(matrix: np.ndarray) -> np.ndarray:
    """Each column of [N, D] with mean 0 and standard deviation 1; a constant column becomes 0."""
    deviation = matrix.std(axis=0)
    return ((matrix - matrix.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
