"""Made voices for recipes: noise through two resonances that are each speaker's own."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000


def voice(speaker: int, number: int, seconds: float = 4.5) -> np.ndarray:
    """[S] in -1..1, other noise for every `number`."""
    rng, size = np.random.default_rng((speaker, number)), round(seconds * RATE)
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    formants = np.random.default_rng((7, speaker)).uniform(300, 5000, size=2)
    curve = sum(np.exp(-(((frequencies - f) / 200) ** 2)) for f in formants) + 0.02
    wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * curve, size)
    return 0.3 * wave / np.abs(wave).max()


def write_voices(folder: Path, speakers: range, each: int) -> list[str]:
    """A data directory with wav.scp, utt2spk and `trials` of all pairs; the ids are `<speaker>-<number>`."""
    folder.mkdir(parents=True)
    ids = [f"{speaker:02d}-{number}" for speaker in speakers for number in range(each)]
    for key in ids:
        soundfile.write(folder / f"{key}.wav", voice(*map(int, key.split("-"))), RATE)
    (folder / "wav.scp").write_text("".join(f"{key} {folder}/{key}.wav\n" for key in ids))
    (folder / "utt2spk").write_text("".join(f"{key} s{key[:2]}\n" for key in ids))
    pairs = combinations(ids, 2)
    (folder / "trials").write_text("".join(f"{int(a[:2] == b[:2])} {a} {b}\n" for a, b in pairs))
    return ids


def write_voxceleb(root: Path, train: Iterable[int], test: Iterable[int], each: int) -> None:
    """`vox2/dev/wav/<speaker>/<video>/<number>.wav` of `train`; `vox1` alike of `test`, with the list of O.

    Each speaker has two videos.
    """
    ids = []
    for folder, speakers in (("vox2/dev/wav", train), ("vox1/wav", test)):
        for speaker in speakers:
            for number in range(each):
                name = f"id{10000 + speaker}/video{number % 2}xxxxx/{number:05d}.wav"
                path = root / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, voice(speaker, number, 2.0), RATE)
                ids += [name] if folder.startswith("vox1") else []
    pairs = combinations(ids, 2)
    (root / "vox1" / "veri_test.txt").write_text("".join(f"{int(a[:7] == b[:7])} {a} {b}\n" for a, b in pairs))
