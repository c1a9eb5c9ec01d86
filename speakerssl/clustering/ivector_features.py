"""The frames that i-vectors are made of, as in Kaldi's VoxCeleb recipe, and their cache on disk.

24 MFCCs with first and second derivatives, less the mean of the three seconds about each frame; frames without
speech, by their energy, are left out (all verified; 72 numbers a frame).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from speakerssl.data.kaldi import Utterance
from speakerssl.data.parallel import map_threads
from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.features.cmvn import sliding_cmvn
from speakerssl.features.deltas import add_deltas
from speakerssl.features.mfcc import Mfcc
from speakerssl.features.options import MfccOptions
from speakerssl.features.vad import energy_vad
from speakerssl.io import atomic_path
from speakerssl.kernels import thread_count

MFCC = MfccOptions(num_ceps=24, num_mel_bins=30, low_freq=20.0, high_freq=7600.0, snip_edges=False)
DIM = 3 * MFCC.num_ceps


def speech_frames(wave: np.ndarray) -> np.ndarray:
    """float32 [T, 72] of a recording [S] in the int16 range; all frames where none is loud enough to be speech."""
    with torch.no_grad():
        cepstra = Mfcc(MFCC)(torch.from_numpy(np.asarray(wave, np.float32)))
        voiced = energy_vad(cepstra[:, 0], 5.5, 0.5, 2, 0.12)
        frames = sliding_cmvn(add_deltas(cepstra, 2, 3), cmn_window=300, center=True)
        return (frames[voiced] if bool(voiced.any()) else frames).numpy()


@dataclass(frozen=True)
class FrameStore:
    """The frames of recordings `ids`, float16 [T, 72] mapped from disk; those of number i begin at `offsets[i]`."""

    ids: list[str]
    offsets: np.ndarray
    frames: np.ndarray

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


def store_frames(folder: Path, utterances: Sequence[Utterance]) -> FrameStore:
    """The frames of `utterances`, computed once and kept as `folder`/frames.{f16,npz}; those there are used again.

    Raises InputError where the folder holds those of other recordings, AudioError for an unreadable one.
    """
    ids, data, index = [utterance.id for utterance in utterances], folder / "frames.f16", folder / "frames.npz"
    if not index.exists():
        lengths = []
        with atomic_path(data) as temporary, temporary.open("wb") as out:
            for _, found in map_threads(_frames, utterances, "features", thread_count()):
                if isinstance(found, Exception):
                    raise found
                lengths.append(len(found))
                out.write(found.astype(np.float16).tobytes())
        with atomic_path(index) as temporary:
            np.savez(temporary, ids=np.array(ids), offsets=np.concatenate([[0], np.cumsum(lengths)]))
    known = np.load(index)
    if known["ids"].tolist() != ids:
        raise InputError(f"{index}: holds the frames of other recordings; give another --output or remove that folder")
    frames = np.memmap(data, np.float16, "r", shape=(int(known["offsets"][-1]), DIM))
    return FrameStore(ids, known["offsets"], frames)


def _frames(utterance: Utterance) -> np.ndarray:
    try:
        return speech_frames(utterance.read())
    except SpeakerSSLError:
        raise
    except ValueError as error:
        raise InputError(f"{utterance.where}: {utterance.id}: {error}") from None
