#!/usr/bin/env python3
"""What the switches of training cost and gain: steps and peak memory of the trainer with each of them.

    tools/benchmarks/switches.py --encoder fast_resnet34 --batch 16 --write

Each row is a process of its own. Steps are processor seconds of one thread, the median after the first one; what the
first takes beyond it is the price at the start (compiling). Data is loaded outside the steps.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scaling import write_corpus
from table import machine, markdown_table, replace_section

SWITCHES = {
    "none": [],
    "training.gradient_checkpointing": ["training.gradient_checkpointing=true"],
    "training.compile": ["training.compile=true"],
    "optimizer.fused": ["optimizer.fused=true"],
    "training.amp: bf16": ["training.amp=bf16"],
}


def main() -> int:
    """One row a switch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="fast_resnet34", help="an encoder of the registry")
    parser.add_argument("--batch", type=int, default=16, help="recordings a step, two crops of 2 s each (16)")
    parser.add_argument("--steps", type=int, default=7, help="steps of each run (7)")
    parser.add_argument("--switch", nargs="+", choices=SWITCHES, default=list(SWITCHES), help="rows (default: all)")
    parser.add_argument("--write", action="store_true", help="write the section into RESULTS.md")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return measure(*args.child)
    before, rows, plain = machine(("torch",)), [], 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder, max(2 * args.batch, 16))
        for switch in dict.fromkeys(["none", *args.switch]):
            settings = [f"encoder.name={args.encoder}", f"training.batch_size={args.batch}", "augment={}"]
            settings += [f"training.steps={args.steps}", "views.crop_seconds=2.0", *SWITCHES[switch]]
            command = [sys.executable, __file__, "--child", str(folder), *settings]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            first, step, peak = json.loads(done.stdout)
            plain = plain or step
            rows.append([switch, f"{step:.2f}", f"{plain / step:.2f}", f"{peak:.0f}", f"{first - step:.1f}"])
            print(*rows[-1], flush=True)
    head = ("switch", "s a step", "times as fast", "peak MiB", "s more in the first step")
    text = (
        f"## Switches of training\n\n{before}. {args.encoder}, {args.batch} x 2 crops of 2 s, one thread, processor "
        f"time (`tools/benchmarks/switches.py`).\n\n{markdown_table(head, rows)}"
    )
    print(text)
    if args.write:
        replace_section("switches", text)
    return 0


def measure(folder: str, *settings: str) -> int:
    """Trains and prints [seconds of the first step, of a later one, peak MiB of this process] as JSON."""
    from speakerssl.config import load_config
    from speakerssl.training.build import train
    from speakerssl.training.trainer import Trainer

    spent, step = [], Trainer._step

    def timed(trainer: Trainer, *inputs: Any) -> Any:
        start = time.process_time()
        output = step(trainer, *inputs)
        spent.append(time.process_time() - start)
        return output

    Trainer._step = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory(dir=folder) as output:
        train(load_config(Path(folder, "config.yaml"), [*settings]), output, "cpu")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([spent[0], statistics.median(spent[1:]), peak]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
