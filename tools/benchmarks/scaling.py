"""How time and memory grow: steps of training against batch, width and processes, verbs against workers; projections.

    python tools/benchmarks/scaling.py [--batches 32 64 128] [--widths 32 64] [--processes 1 2] [--jobs 1 2] [--write]

Each cell is a process of its own on made-up recordings: training's is the median time between lines of `train.jsonl`
after the first ones, and the peak memory of the largest process; a verb's is recordings a second of processor-bound
work, start included. The projection multiplies what was measured, its arithmetic is printed with it and explained in
docs/scaling.md. `--write` puts all into RESULTS.md.
"""

import argparse
import json
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
import yaml
from table import machine, markdown_table, replace_section

SECONDS, RATE = 4, 16000
CORPORA = (("VoxCeleb2, 1.2 million", 1.2e6, 7.8), ("100 million of 8 s", 1e8, 8.0))  # name, recordings, mean seconds


def main() -> None:
    """Measures, prints and, with --write, records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=256)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--write", action="store_true", help="write the section `scaling` of RESULTS.md")
    args = parser.parse_args()
    where = machine(("torch", "numpy"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder, args.recordings)
        steps = [
            [str(batch), str(width), str(processes), *measure_steps(folder, batch, width, processes, args.steps)]
            for batch in args.batches
            for width in args.widths
            for processes in args.processes
        ]
        verbs = [
            [verb, str(jobs), measure_verb(folder, verb, jobs, args.recordings)]
            for verb in ("shard", "features")
            for jobs in args.jobs
        ]
        bytes_a_second = sum(path.stat().st_size for path in folder.glob("*.flac")) / (args.recordings * SECONDS)
    text = "\n\n".join(
        (
            "## Scaling",
            f"{where}. {args.recordings} recordings of {SECONDS} s, encoder small_tdnn, crops of 1 s.",
            markdown_table(("batch", "width", "processes", "ms a step", "peak MiB of a process"), steps),
            markdown_table(("verb", "jobs", "recordings a second"), verbs),
            projection(bytes_a_second),
        )
    )
    print(text)
    if args.write:
        replace_section("scaling", text)


def write_corpus(folder: Path, count: int) -> None:
    """`data/wav.scp` over FLAC of a harmonic sound in noise, and `config.yaml`."""
    rng = np.random.default_rng(0)
    (folder / "data").mkdir()
    lines = []
    for number in range(count):
        moment = np.arange(SECONDS * RATE) / RATE
        tone = sum(np.sin(2 * np.pi * rng.uniform(90, 250) * k * moment) / k for k in range(1, 20))
        path = folder / f"{number:06d}.flac"
        soundfile.write(path, 0.1 * tone + 0.003 * rng.standard_normal(len(moment)), RATE)
        lines.append(f"{path.stem} {path}\n")
    (folder / "data" / "wav.scp").write_text("".join(lines))
    tree = {
        "features": {"kind": "fbank", "num_mel_bins": 64},
        "encoder": {"name": "small_tdnn"},
        "loss": {},
        "method": {"name": "simclr"},
        "data": {"train": [str(folder / "data")]},
        "views": {"crop_seconds": 1.0},
        "augment": {"noise": {"prob": 0.5}},
        "training": {"steps": 1, "log_every": 1, "tensorboard": False, "checkpoint_every": 100000},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))


def run(words: list[str]) -> tuple[float, float]:
    """Seconds of a verb, and the largest peak MiB of a process of this benchmark so far."""
    start = time.monotonic()
    command = [sys.executable, "-m", "speakerssl.cli.main", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr.strip()}")
    return time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def measure_steps(folder: Path, batch: int, width: int, processes: int, steps: int) -> list[str]:
    """Median milliseconds of a step and the peak memory so far; cells grow, so that the peak is mostly theirs."""
    output = folder / f"train-{batch}-{width}-{processes}"
    options = {"training.batch_size": batch, "training.steps": steps, "encoder.channels": width}
    words = ["train", "--config", str(folder / "config.yaml"), "--device", "cpu", "--processes", str(processes)]
    for key, value in options.items():
        words += ["--set", f"{key}={value}"]
    _, peak = run([*words, "--output", str(output)])
    lines = [json.loads(line) for line in (output / "train.jsonl").read_text().splitlines()][2:]
    seconds = [batch / line["recordings_per_second"] for line in lines]
    return [f"{1e3 * statistics.median(seconds):.0f}", f"{peak:.0f}"]


def measure_verb(folder: Path, verb: str, jobs: int, count: int) -> str:
    """Recordings a second."""
    output = folder / f"{verb}-{jobs}"
    words = [verb, "--data", str(folder / "data"), "--output", str(output), "--jobs", str(jobs)]
    words += ["--shard-mb", "1"] if verb == "shard" else ["--config", str(folder / "config.yaml"), "--copies", "2"]
    return f"{count / run(words)[0]:.1f}"


def projection(bytes_a_second: float) -> str:
    """What larger corpora need, each number with the product that it is."""
    rows = []
    for name, count, seconds in CORPORA:
        audio = count * seconds * bytes_a_second
        store = count * seconds * 100 * 80 * 2  # frames a second, mel bins, bytes
        vectors = count * 192 * 4
        clusters = count / 24  # of 1.2 million: 50,000
        kmeans = 10 * 2 * count * clusters * 192  # iterations, operations of a product
        cohort = 2 * count * 6000 * 192
        rows.append(
            [
                name, f"{audio / 1e12:.2f}", f"{store / 1e12:.2f}", f"{vectors / 1e9:.1f}",
                f"{kmeans / 1e15:.1f}", f"{cohort / 1e15:.2f}",
            ]
        )  # fmt: skip
    head = ("corpus", "FLAC TB", "a copy of a store TB", "embeddings GB", "k-means 1e15 operations", "AS-norm 1e15")
    return markdown_table(head, rows) + f"\n\nFLAC: {bytes_a_second:.0f} bytes a second, measured here."


if __name__ == "__main__":
    main()
