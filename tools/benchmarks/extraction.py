#!/usr/bin/env python3
"""What embedding costs on a CPU: one recording at a time against padded batches, a second process, a long recording.

    tools/benchmarks/extraction.py batches --data DATA_DIR --number 150
    tools/benchmarks/extraction.py processes --data DATA_DIR
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


def processes(data: str, encoders: list[str], repeats: int = 2) -> None:
    """Seconds of `speakerssl extract` from files to written embeddings, start included, in one process and in two."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in encoders:
        seconds: dict[int, list[float]] = {1: [], 2: []}
        with tempfile.TemporaryDirectory() as folder:
            build(name, f"{folder}/model")
            command = [
                sys.executable,
                "-m",
                "speakerssl.cli.main",
                "extract",
                "--model",
                f"{folder}/model",
                "--data",
                data,
            ]
            for repeat in range(repeats):
                for jobs in seconds:
                    output = f"{folder}/out-{repeat}-{jobs}"
                    start = time.perf_counter()
                    subprocess.run(
                        [*command, "--output", output, "--jobs", str(jobs)],
                        check=True,
                        capture_output=True,
                        env=environment,
                    )
                    seconds[jobs].append(time.perf_counter() - start)
        one, two = (statistics.median(seconds[jobs]) for jobs in (1, 2))
        print(f"{name}: one process {one:.1f} s, two {two:.1f} s, {one / two:.2f} x", flush=True)


def long(hours: float, name: str) -> None:
    """Peak memory and processor seconds of one recording of `hours`, read from a FLAC file."""
    import soundfile

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
    parser.add_argument("--hours", type=float, default=1.5, help="length of the long recording (default: 1.5)")
    parser.add_argument("--encoder", nargs="+", default=list(ENCODERS), help="encoders of the registry")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.what == "batches":
        batches(args.data, args.number, args.encoder)
    elif args.what == "processes":
        processes(args.data, args.encoder)
    else:
        for name in args.encoder:
            long(args.hours, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
