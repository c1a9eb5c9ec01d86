"""The frames that i-vectors are made of, as in Kaldi's VoxCeleb recipe, and their cache on disk.

24 MFCCs with first and second derivatives, less the mean of the three seconds about each frame; frames without
speech, by their energy, are left out (all verified; 72 numbers a frame).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from speakerssl.data.kaldi import Utterance
from speakerssl.data.parallel import map_recordings
from speakerssl.data.speech import check_speech
from speakerssl.embeddings.pieces import utterance_name
from speakerssl.errors import InputError, JobError, SpeakerSSLError
from speakerssl.features.cmvn import sliding_cmvn
from speakerssl.features.deltas import add_deltas
from speakerssl.features.mfcc import Mfcc
from speakerssl.features.options import MfccOptions
from speakerssl.features.vad import energy_vad
from speakerssl.io import atomic_path

MFCC = MfccOptions(num_ceps=24, num_mel_bins=30, low_freq=20.0, high_freq=7600.0, snip_edges=False)
DIM = 3 * MFCC.num_ceps
FRAMES, INDEX = "frames.f16", "frames.npz"
RATE = round(MFCC.sample_frequency)


def speech_frames(wave: np.ndarray) -> np.ndarray:
    """float32 [T, 72] of a recording [S] in the int16 range; all frames where none is loud enough to be speech."""
    with torch.no_grad():
        cepstra = Mfcc(MFCC)(torch.from_numpy(np.asarray(wave, np.float32)))
        voiced = energy_vad(cepstra[:, 0], 5.5, 0.5, 2, 0.12)
        frames = sliding_cmvn(add_deltas(cepstra, 2, 3), cmn_window=300, center=True)
        return (frames[voiced] if bool(voiced.any()) else frames).numpy()


@dataclass(frozen=True)
class FrameStore:
    """The frames of recordings `ids`, float16 [T, 72] mapped from disk; those of number i begin at `offsets[i]`.

    `failed` are the recordings that have none, with the reasons.
    """

    ids: list[str]
    offsets: np.ndarray
    frames: np.ndarray
    failed: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, number: int) -> np.ndarray:
        """float32 [T, 72] of recording `number`."""
        return np.asarray(self.frames[self.offsets[number] : self.offsets[number + 1]], np.float32)

    def sample(self, count: int, seed: int) -> np.ndarray:
        """At most `count` frames, float32, evenly from all recordings by chance."""
        if len(self.frames) <= count:
            return np.asarray(self.frames, np.float32)
        rows = np.random.default_rng(seed).choice(len(self.frames), count, replace=False)
        return np.asarray(self.frames[np.sort(rows)], np.float32)


def store_frames(
    folder: Path, utterances: Sequence[Utterance], on_no_speech: str = "error", jobs: int = 4
) -> FrameStore:
    """The frames of `utterances`, computed once and kept as `folder`/frames.{f16,npz}; those there are used again.

    A recording that cannot be read or holds no speech (`on_no_speech`: one of data.speech.ON_NO_SPEECH) is left out
    and stands in `failed` with the reason. `jobs` compute at once: threads, or jobs of another executor. Raises
    JobError where no recording is left.
    """
    index = folder / INDEX
    if not index.exists():
        ids, lengths, failed = [], [], {}
        with atomic_path(folder / FRAMES) as temporary, temporary.open("wb") as out:
            found: np.ndarray | InputError
            frames = functools.partial(_stored_frames, on_no_speech=on_no_speech)
            for utterance, found in map_recordings(frames, utterances, "features", jobs):
                if isinstance(found, InputError):
                    failed[utterance.id] = str(found)
                    continue
                ids.append(utterance.id)
                lengths.append(len(found))
                out.write(found.tobytes())
            if not ids:
                raise JobError(f"no recording could be used; the first: {next(iter(failed.values()))}")
        with atomic_path(index) as temporary:
            np.savez(
                temporary, ids=np.array(ids), offsets=np.concatenate([[0], np.cumsum(lengths)]),
                failed=np.array(list(failed), str), reasons=np.array(list(failed.values()), str),
            )  # fmt: skip
    return open_frames(folder)


def open_frames(folder: Path) -> FrameStore:
    """What `store_frames` has left in `folder`."""
    with np.load(folder / INDEX, allow_pickle=False) as known:
        offsets, failed = known["offsets"], dict(zip(known["failed"].tolist(), known["reasons"].tolist()))
        frames = np.memmap(folder / FRAMES, np.float16, "r", shape=(int(offsets[-1]), DIM))
        return FrameStore(known["ids"].tolist(), offsets, frames, failed)


def _stored_frames(utterance: Utterance, on_no_speech: str) -> np.ndarray:
    return checked_frames(utterance, on_no_speech).astype(np.float16)


def checked_frames(utterance: Utterance, on_no_speech: str) -> np.ndarray:
    """`speech_frames` of a recording. Raises InputError naming one that cannot be read or holds no speech."""
    name = utterance_name(utterance)
    try:
        wave = utterance.read()
        check_speech(wave, RATE, name, on_no_speech)
        return speech_frames(wave)
    except SpeakerSSLError:
        raise
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
