#!/usr/bin/env python3
"""What embedding costs on a CPU: one recording at a time against padded batches, a second process, a long recording.

    tools/benchmarks/extraction.py batches --data DATA_DIR --number 150
    tools/benchmarks/extraction.py processes --data DATA_DIR --copies 25 --model open-speech
    tools/benchmarks/extraction.py long --hours 1.5

Processor seconds of one thread, but for `processes`, which is the clock's on an idle machine; peak resident memory of a
process of its own.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model
from speakerssl.encoders.masking import length_batches

ENCODERS = ("fast_resnet34", "rvector_resnet34", "ecapa_tdnn", "xvector")


def build(name: str, folder: str) -> TorchModel:
    """A model at its random start in `folder`, at 80 mel bins."""
    config = {"features": {"num_mel_bins": 80}, "encoder": {"name": name}}
    torch.manual_seed(0)
    save_model(folder, config, build_model(config, "benchmark")[1])
    return load_torch_model(folder)


def batches(data: str, number: int, encoders: list[str]) -> None:
    """Processor seconds for `number` recordings of `data`, by encoder and by how they go through the network."""
    utterances = DataDir.read(data).utterances[:number]
    waves = {utterance.id: utterance.read() for utterance in utterances}
    seconds = {key: len(wave) / 16000 for key, wave in waves.items()}
    print(f"{len(waves)} recordings, {sum(seconds.values()):.0f} s")
    for name in encoders:
        with tempfile.TemporaryDirectory() as folder:
            model = build(name, folder)
        plans = {"one at a time": [[key] for key in waves], "60 s batches": length_batches(seconds, 60.0)}
        for plan, groups in plans.items():
            model.encode([waves[key] for key in groups[0]])
            start = time.process_time()
            for group in groups:
                model.encode([waves[key] for key in group])
            print(f"{name} {plan}: {time.process_time() - start:.1f} s", flush=True)


def processes(data: str, copies: int, models: list[str], encoders: list[str], repeats: int) -> None:
    """Seconds of `speakerssl extract` from files to written embeddings, start included, in one process and in two.

    Each recording of `data` is there `copies` times, as links, so that what a start costs does not decide.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        copy_list(DataDir.read(data), copies, Path(folder, "data"))
        for name in encoders:
            build(name, f"{folder}/{name}")
        for model in (*models, *(f"{folder}/{name}" for name in encoders)):
            command = [sys.executable, "-m", "speakerssl.cli.main", "extract", "--model", model, "--no-resume"]
            command += ["--data", f"{folder}/data", "--output", f"{folder}/out", "--jobs"]
            seconds: dict[int, list[float]] = {1: [], 2: []}
            for _ in range(repeats):
                for jobs, taken in seconds.items():
                    start = time.perf_counter()
                    done = subprocess.run([*command, str(jobs)], check=True, capture_output=True, env=environment)
                    taken.append(time.perf_counter() - start)
            one, two = (statistics.median(taken) for taken in seconds.values())
            said = [line for line in done.stderr.decode().splitlines() if "engine" in line]
            print(f"{Path(model).name}: one process {one:.1f} s, two {two:.1f} s, {one / two:.2f} x", *said, flush=True)


def copy_list(data: DataDir, copies: int, folder: Path) -> None:
    """A data directory of `copies` links to each recording."""
    folder.mkdir()
    lines = []
    for utterance in data.utterances:
        source = Path(utterance.source).resolve()
        for number in range(copies):
            link = folder / f"{utterance.id}-{number}{source.suffix}"
            link.symlink_to(source)
            lines.append(f"{link.stem} {link}\n")
    (folder / "wav.scp").write_text("".join(sorted(lines)))
    seconds = sum(soundfile.info(utterance.source).duration for utterance in data.utterances)
    print(f"{len(lines)} recordings, {copies * seconds / 3600:.1f} hours")


def long(hours: float, name: str) -> None:
    """Peak memory and processor seconds of one recording of `hours`, read from a FLAC file."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        with soundfile.SoundFile(str(path), "w", 16000, 1, "PCM_16") as sound:
            for _ in range(round(60 * hours)):
                envelope = np.repeat(rng.uniform(0, 0.3, 600), 1600)
                sound.write(envelope * rng.standard_normal(len(envelope)))
        model = build(name, folder)
        start = time.process_time()
        vector = model.embed(path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        spent = time.process_time() - start
    print(f"{name} {hours:g} h: peak {peak:.0f} MB, {spent:.0f} processor seconds, norm {np.linalg.norm(vector):.4f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("batches", "processes", "long"))
    parser.add_argument("--data", help="Kaldi data directory (batches, processes)")
    parser.add_argument("--number", type=int, default=150, help="recordings (default: 150)")
    parser.add_argument("--copies", type=int, default=1, help="links to each recording (processes)")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each, of which the median counts (processes)")
    parser.add_argument("--model", nargs="+", default=[], help="models to measure before --encoder (processes)")
    parser.add_argument("--hours", type=float, default=1.5, help="length of the long recording (default: 1.5)")
    parser.add_argument("--encoder", nargs="*", default=list(ENCODERS), help="encoders of the registry")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.what == "batches":
        batches(args.data, args.number, args.encoder)
    elif args.what == "processes":
        processes(args.data, args.copies, args.model, args.encoder, args.repeats)
    else:
        for name in args.encoder:
            long(args.hours, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
