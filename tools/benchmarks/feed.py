"""Processor time of feeding crops to training: this package against the usual loader, in one run.

    python tools/benchmarks/feed.py [--audio-dir FOLDER] [--pairs 1024] [--rounds 5] [--write]

A pair is two crops of 2 s of one FLAC of 10 s, each with noise and reverberation. The usual loader, which the
reference implementations of self-supervised training share, decodes the whole file, opens a noise and a response for
every crop and convolves by scipy; ours is `data.views.AudioViews` as the trainer drives it, batch by batch. Both are
given the same files (noises of 10 s and simulated responses, made up; recordings too without --audio-dir) and run on
one thread, in turns; the answer is the median over the rounds of each. `--write` puts the table into RESULTS.md.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal
from table import machine, markdown_table, replace_section

from speakerssl.augment.chain import build_augmenter
from speakerssl.augment.rooms import RoomBank
from speakerssl.augment.synthetic_noise import SyntheticNoise
from speakerssl.config import ViewsConfig
from speakerssl.data.utterance import Utterance
from speakerssl.data.views import AudioViews

RATE, SECONDS, CROP = 16000, 10, 32000


def main() -> None:
    """Measures, prints and, with --write, records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio-dir", type=Path, help="speech, joined and cut into recordings of 10 s")
    parser.add_argument("--recordings", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=1024, help="in each round")
    parser.add_argument("--batch", type=int, default=64, help="pairs of a batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write the section `feed` of RESULTS.md")
    args = parser.parse_args()
    where = machine(("numpy", "scipy", "soundfile"))
    with tempfile.TemporaryDirectory() as folder:
        speech, noises, responses = write_files(Path(folder), args.recordings, args.audio_dir)
        usual, ours = UsualLoader(speech, noises, responses), our_loader(speech, Path(folder))
        batches = [range(begin, begin + args.batch) for begin in range(0, args.pairs, args.batch)]
        before = [[i % len(speech) for i in batch] for batch in batches]
        for fetch in (usual, ours):
            fetch(list(range(len(speech))), 0)
        times = [[processor_time(fetch, before, 1 + r) for fetch in (usual, ours)] for r in range(args.rounds)]
    ratios = [slow / fast for slow, fast in times]
    slow, fast = (1e3 * statistics.median(column) / args.pairs for column in zip(*times))
    rows = [
        ["the usual loader", f"{slow:.2f}", "", ""],
        [
            "AudioViews",
            f"{fast:.2f}",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            "at least 4",
        ],
    ]
    content = "speech" if args.audio_dir else "made-up sound"
    note = (
        f"{where}. One thread, {args.rounds} rounds of {args.pairs} pairs in turns, batches of {args.batch}, {content}."
    )
    table = markdown_table(("way", "ms of processor time a pair", "times as fast", "bar"), rows)
    text = f"## Crops fed to training\n\n{note}\n\n{table}"
    print(text)
    if args.write:
        replace_section("feed", text)


def processor_time(fetch: Callable[[list[int], int], object], batches: list[list[int]], epoch: int) -> float:
    """Seconds of this process for all `batches`."""
    start = time.process_time()
    for batch in batches:
        fetch(batch, epoch)
    return time.process_time() - start


def write_files(folder: Path, count: int, audio: Path | None) -> tuple[list[Path], list[Path], list[Path]]:
    """Recordings of 10 s as FLAC, noises of 10 s and responses of rooms as WAV."""
    rng = np.random.default_rng(0)
    length = SECONDS * RATE
    stream = speech_stream(audio) if audio else made_up_speech(rng)
    paths: list[list[Path]] = [[], [], []]
    for kind, (name, suffix) in enumerate((("speech", "flac"), ("noise", "wav"), ("rooms", "wav"))):
        (folder / name).mkdir()
        rooms = RoomBank.simulate(64, 0).rirs if name == "rooms" else []
        for i in range({"speech": count, "noise": 64, "rooms": 64}[name]):
            if name == "speech":
                samples = np.concatenate([next(stream) for _ in range(SECONDS)])
            elif name == "noise":
                samples = SyntheticNoise().draw(rng, length)
                samples *= 8000.0 / np.abs(samples).max() / 32768.0
            else:
                samples = 0.5 * rooms[i].samples
            path = folder / name / f"{i:04d}.{suffix}"
            soundfile.write(path, samples, RATE, subtype="PCM_16")
            paths[kind].append(path)
    return paths[0], paths[1], paths[2]


def speech_stream(folder: Path):  # type: ignore[no-untyped-def]
    """Seconds of the recordings in `folder`, one after the other, again and again."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".flac", ".wav"))
    if not files:
        raise SystemExit(f"{folder}: no .flac or .wav files")
    while True:
        for path in files:
            samples = soundfile.read(path, dtype="float32", always_2d=True)[0][:, 0]
            yield from (samples[begin : begin + RATE] for begin in range(0, len(samples) - RATE + 1, RATE))


def made_up_speech(rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """Seconds of a harmonic sound with pauses: what FLAC finds about as hard as speech."""
    time_axis = np.arange(RATE) / RATE
    while True:
        pitch, phase = rng.uniform(90, 250), rng.uniform(0, 2 * np.pi, 30)
        tone = sum(np.sin(2 * np.pi * pitch * k * time_axis + phase[k]) / k for k in range(1, 30))
        envelope = np.maximum(0, np.sin(2 * np.pi * rng.uniform(2, 5) * time_axis))
        yield (0.1 * tone * envelope + 0.003 * rng.standard_normal(RATE)).astype(np.float32)


class UsualLoader:
    """Whole file, noise and response opened for every crop, scipy's convolution: `loader(indices, epoch)`."""

    def __init__(self, speech: list[Path], noises: list[Path], responses: list[Path]) -> None:
        self.speech, self.noises, self.responses = speech, noises, responses

    def __call__(self, indices: list[int], epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng(epoch)
        pairs = []
        for index in indices:
            audio, _ = soundfile.read(self.speech[index])
            crops = []
            for half in (0, len(audio) // 2):
                start = half + int(rng.integers(len(audio) // 2 - CROP + 1))
                crops.append(self.augment(audio[start : start + CROP], rng).astype(np.float32))
            pairs.append(np.stack(crops))
        batch = np.stack(pairs)
        return [batch[:, 0], batch[:, 1]]

    def augment(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Noise at 0 to 15 dB, then a room at unit energy."""
        noise, _ = soundfile.read(self.noises[int(rng.integers(len(self.noises)))])
        start = int(rng.integers(len(noise) - len(audio) + 1))
        noise = noise[start : start + len(audio)]
        level, noise_level = (10 * np.log10(np.mean(x**2) + 1e-4) for x in (audio, noise))
        audio = audio + np.sqrt(10 ** ((level - noise_level - rng.uniform(0, 15)) / 10)) * noise
        response, _ = soundfile.read(self.responses[int(rng.integers(len(self.responses)))])
        response = response / np.sqrt(np.sum(response**2))
        return signal.convolve(audio, response, mode="full")[: len(audio)]


def our_loader(speech: list[Path], folder: Path) -> Callable[[list[int], int], list[np.ndarray]]:
    """The same by the package: `loader(indices, epoch)` gives the views of a batch."""
    chain = {"preset": "sslsv", "noise": {"folder": str(folder / "noise")}, "reverb": {"folder": str(folder / "rooms")}}
    dataset = AudioViews(
        [Utterance(path.stem, str(path)) for path in speech],
        [SECONDS * RATE] * len(speech),
        ViewsConfig(),
        build_augmenter(chain, cache_dir=folder / "cache"),
        seed=0,
    )

    def fetch(indices: list[int], epoch: int) -> list[np.ndarray]:
        items = [(epoch, i, i) for i in indices]
        return [np.stack(views) for views in zip(*dataset.__getitems__(items))]

    return fetch


if __name__ == "__main__":
    main()
