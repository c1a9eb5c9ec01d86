"""Peak memory of a process that trains a head of a million classes: all of them, and a half of them.

    python tools/benchmarks/class_shards.py [--classes 1000000] [--dim 256] [--batch 64] [--write]

One step of AAM-Softmax with a tenth of the other classes (`class_share: 0.1`), backward and Adam included: in one
process that holds all centres, then in two gloo processes with `shard_classes`, the embeddings of both against the
shares of each. The number is the peak of the resident set above that of the process before it made the head; of the two
processes the larger. The last line is their ratio.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from table import machine, markdown_table, replace_section

from speakerssl.losses import build_head

HEADER = ("processes", "classes in each", "MiB of centres in each", "peak MiB of one", "ratio")


def main() -> None:
    """Prints the table and, with --write, puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=1_000_000, help="classes of the head (1000000)")
    parser.add_argument("--dim", type=int, default=256, help="numbers of a centre (256)")
    parser.add_argument("--batch", type=int, default=64, help="embeddings a step, over all processes (64)")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md as well")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args)))
        return
    told = machine(("torch",))
    whole, half = (run(args, processes) for processes in (1, 2))
    rows = [
        ("1", f"{whole['rows']:.0f}", f"{whole['centres']:.0f}", f"{whole['peak']:.0f}", ""),
        (
            "2",
            f"{half['rows']:.0f}",
            f"{half['centres']:.0f}",
            f"{half['peak']:.0f}",
            f"{half['peak'] / whole['peak']:.2f}",
        ),
    ]
    table = markdown_table(HEADER, rows)
    print(table)
    if args.write:
        sizes = f"{args.classes:,} classes x {args.dim}, batch {args.batch}, class share 0.1"
        said = f"{told}. One step of AAM-Softmax and Adam: {sizes}."
        replace_section("class_shards", f"## Class centres shared out over processes\n\n{said}\n\n{table}")


def run(args: argparse.Namespace, processes: int) -> dict[str, float]:
    """The measurement of the process of `processes` that took the most."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sizes = ["--classes", str(args.classes), "--dim", str(args.dim), "--batch", str(args.batch)]
    children = []
    for rank in range(processes):
        group = {"RANK": str(rank), "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        # What is freed goes back at once, so that the resident set shows what is held.
        environment = {**os.environ, **group, "MALLOC_MMAP_THRESHOLD_": "65536"}
        command = [sys.executable, __file__, "--measure", *sizes]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    found = [json.loads(child.communicate()[0]) for child in children]
    return max(found, key=lambda one: one["peak"])


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Peak MiB of one step in this process, with what it holds of the head."""
    dist.init_process_group("gloo")
    embeddings = torch.randn(args.batch // dist.get_world_size(), args.dim)
    labels = torch.randint(args.classes, (len(embeddings),))
    step(build_head({"name": "aam", "class_share": 0.1, "shard_classes": True}, args.dim, 64), embeddings, labels % 64)
    before = reset_peak()
    head = build_head({"name": "aam", "class_share": 0.1, "shard_classes": True}, args.dim, args.classes)
    step(head, embeddings, labels)
    peak = peak_bytes() - before
    dist.destroy_process_group()
    return {"rows": len(head.weight), "centres": head.weight.numel() * 4 / 2**20, "peak": peak / 2**20}


def step(head: torch.nn.Module, embeddings: torch.Tensor, labels: torch.Tensor) -> None:
    """Forward, backward and Adam."""
    optimizer = torch.optim.Adam(head.parameters())
    head(embeddings, labels).loss.backward()
    optimizer.step()


def reset_peak() -> float:
    """Linux begins to count the peak of the resident set anew; the bytes in use now."""
    Path("/proc/self/clear_refs").write_text("5")
    return int(Path("/proc/self/statm").read_text().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))


def peak_bytes() -> float:
    """The peak since `reset_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024.0 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
