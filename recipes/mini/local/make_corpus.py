"""Makes the synthetic corpus of the mini recipe: every speaker in several sessions, each its own room and microphone.

  python recipes/mini/local/make_corpus.py --output recipes/mini/data/corpus

Writes `audio/` (FLAC, 16 kHz), the Kaldi data directories `train` (no labels beside it, `train/labels` is for reports
only) and `test` (other speakers), and `test/trials`: cross-session, so that the channel cannot give a speaker away.
The same options give the same bytes.
"""

import argparse
import json
import multiprocessing
import os
import sys
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

sys.path.insert(0, str(Path(__file__).parent))
from espeak import Espeak
from voices import Speaker, draw_sentence, draw_speakers

from speakerssl.augment.equalizer import Equalizer
from speakerssl.augment.noise import AdditiveNoise
from speakerssl.augment.reverb import Reverb
from speakerssl.augment.rooms import RoomBank
from speakerssl.augment.synthetic_noise import SyntheticNoise
from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.io import atomic_path, progress, write_text

NONTARGETS_A_TARGET = 4


@dataclass(frozen=True)
class Corpus:
    """What decides the corpus, byte for byte."""

    train_speakers: int = 240
    test_speakers: int = 60
    sessions: int = 3
    utterances: int = 3  # a session
    seed: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, type=Path, help="folder of the corpus")
    for name, default in asdict(Corpus()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, help=f"default: {default}")
    args = vars(parser.parse_args())
    output: Path = args.pop("output")
    corpus = Corpus(**args)
    stamp = json.dumps(asdict(corpus))
    if (output / "corpus.json").exists() and (output / "corpus.json").read_text() == stamp:
        print(f"corpus: {output} (complete, reused)")
        return 0
    speakers = draw_speakers(corpus.train_speakers + corpus.test_speakers, corpus.seed)
    # A fresh process a speaker: the synthesizer's state, and with it the bytes, never depends on who spoke before.
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        jobs = [(speaker, number, corpus, output / "audio") for number, speaker in enumerate(speakers)]
        for _ in progress(pool.imap(_speak, jobs, chunksize=1), len(jobs), "synthesizing speakers"):
            pass
    _write_lists(speakers, corpus, output)
    write_text(output / "corpus.json", stamp)
    print(f"corpus: {output} ({len(speakers)} speakers x {corpus.sessions} sessions x {corpus.utterances} recordings)")
    return 0


def _speak(job: tuple[Speaker, int, Corpus, Path]) -> None:
    """All recordings of one speaker."""
    speaker, number, corpus, folder = job
    espeak = Espeak()
    for session in range(corpus.sessions):
        channel = _Channel(corpus.seed, number, session)
        for index in range(corpus.utterances):
            rng = np.random.default_rng((corpus.seed, 2, number, session, index))
            dry = _say(espeak, speaker, rng)
            wave = channel(dry, rng)
            pcm = np.round(wave / max(1.0, np.abs(wave).max() / 32000)).astype(np.int16)
            path = folder / speaker.name / f"s{session}" / f"{index:02d}.flac"
            with atomic_path(path) as temporary:
                soundfile.write(temporary, pcm, SAMPLE_RATE, format="FLAC", subtype="PCM_16")


def _say(espeak: Espeak, speaker: Speaker, rng: np.random.Generator) -> np.ndarray:
    """float32 [S] at 16 kHz in the int16 range; nobody speaks twice at quite the same pitch and rate."""
    wave = espeak.say(
        draw_sentence(rng),
        speaker.voice,
        speaker.pitch + int(rng.integers(-3, 4)),
        speaker.pitch_range + int(rng.integers(-5, 6)),
        speaker.rate + int(rng.integers(-8, 9)),
        int(rng.integers(2**31)),
    )
    level = 10 ** (rng.uniform(-26, -16) / 20) * FULL_SCALE
    wave = resample_poly(wave, SAMPLE_RATE, espeak.sample_rate)
    return (wave * level / np.sqrt(np.mean(wave**2))).astype(np.float32)


class _Channel:
    """One session: a simulated room, a microphone's frequency response, a kind and level of noise."""

    def __init__(self, seed: int, number: int, session: int) -> None:
        self.key = (seed, 3, number, session)
        rng = np.random.default_rng(self.key)
        self.room = Reverb(RoomBank.simulate(1, seed=int(rng.integers(2**31))))
        self.microphone = Equalizer(gain_db=8.0)
        kinds = ("white", "pink", "brown", "hum", "modulated")
        snr = float(rng.uniform(10, 25))
        noise = {"noise": SyntheticNoise([kinds[int(rng.integers(len(kinds)))]])}
        self.noise = AdditiveNoise(noise, {"noise": (snr - 1, snr + 1)})

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        wave = self.microphone(self.room(wave, rng), np.random.default_rng(self.key))
        return self.noise(wave, rng)


def _write_lists(speakers: list[Speaker], corpus: Corpus, output: Path) -> None:
    sides = {"train": speakers[: corpus.train_speakers], "test": speakers[corpus.train_speakers :]}
    for side, members in sides.items():
        rows = [
            (f"{speaker.name}-s{session}-{index:02d}", speaker.name, f"{speaker.name}-s{session}", session, index)
            for speaker in members
            for session in range(corpus.sessions)
            for index in range(corpus.utterances)
        ]
        labels = output / side / "labels" if side == "train" else output / side
        paths = [f"{utt} audio/{spk}/s{session}/{index:02d}.flac\n" for utt, spk, _, session, index in rows]
        write_text(labels / "utt2spk", "".join(f"{utt} {spk}\n" for utt, spk, *_ in rows))
        write_text(labels / "utt2session", "".join(f"{utt} {place}\n" for utt, _, place, *_ in rows))
        if side == "test":
            write_text(output / "test" / "trials", _trials([row[:3] for row in rows], corpus.seed))
        write_text(output / side / "wav.scp", "".join(paths))


def _trials(rows: list[tuple[str, str, str]], seed: int) -> str:
    """All target pairs of different sessions; non-targets at random, also of different sessions."""
    rng = np.random.default_rng((seed, 4))
    targets = [(a[0], b[0]) for a, b in combinations(rows, 2) if a[1] == b[1] and a[2] != b[2]]
    nontargets: set[tuple[str, str]] = set()
    while len(nontargets) < NONTARGETS_A_TARGET * len(targets):
        a, b = (rows[int(i)] for i in rng.integers(len(rows), size=2))
        if a[1] < b[1]:
            nontargets.add((a[0], b[0]))
    lines = [f"1 {a} {b}\n" for a, b in targets] + [f"0 {a} {b}\n" for a, b in sorted(nontargets)]
    return "".join(lines[int(i)] for i in rng.permutation(len(lines)))


if __name__ == "__main__":
    sys.exit(main())
