"""Peak memory of one contrastive step by batch size: plain, and with cached gradients.

    python tools/benchmarks/gradcache.py [--batches 256 1024 4096] [--chunk 64] [--encoder small_tdnn] [--write]
    python tools/benchmarks/gradcache.py --device cuda --encoder thin_resnet34 --bins 40 --batches 256 1024 8192

Every measurement is a process of its own. A number is the memory that a part of the step adds to what is there before
the step, the weights: the resident set on the CPU, allocated tensors on a GPU. With cached gradients features are made
chunk by chunk when they are asked for ("inputs" is what they would fill together), and a step has three parts: all
are embedded without a graph, the loss gives each embedding's gradient by blocks of at most `--block` squared cosines,
chunks are encoded with a graph and the gradients are sent back. "embeddings" is one copy of the [2 N, D] float32 of
both views: what grows with the batch is some copies of it, whose number in each part the last line tells. The plain
step holds its features before it begins; `--plain-limit` is the largest batch tried with it. The loss is SNT-Xent-AM.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from table import machine, markdown_table, replace_section
from torch import Tensor, nn

from speakerssl.encoders import Encoder, build_encoder
from speakerssl.losses import GradCache, build_loss

MIB = 2**20
PARTS = ("embed", "loss", "send back")
HEADER = ("batch", "inputs", "plain", "cached", *PARTS, "embeddings")


def main() -> None:
    """Prints the table, one line a batch size, and what grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1024, 4096], help="recordings in a batch")
    parser.add_argument("--plain-limit", type=int, default=1024, help="largest batch without cached gradients (1024)")
    parser.add_argument("--chunk", type=int, default=64, help="recordings encoded at a time (64)")
    parser.add_argument("--block", type=int, default=512, help="side of a block of the loss's cosines (512)")
    parser.add_argument("--encoder", default="small_tdnn", help="name of the encoder (small_tdnn)")
    parser.add_argument("--bins", type=int, default=64, help="mel bins (64)")
    parser.add_argument("--frames", type=int, default=200, help="frames in a crop (200)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--json", action="store_true", help="print an object instead of a table")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md as well")
    parser.add_argument("--measure", choices=("plain", "cached"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args, args.batches[0], args.measure == "cached")))
        return
    told = machine(("torch",))
    rows = []
    if not args.json:
        print("MiB  " + " ".join(f"{name:>10}" for name in HEADER))
    for batch in args.batches:
        row = {"batch": batch, **in_a_process(args, batch, "cached")}
        row["plain"] = in_a_process(args, batch, "plain")["plain"] if batch <= args.plain_limit else None
        rows.append(row)
        if not args.json:
            print("     " + " ".join(f"{cell:>10}" for cell in cells(row)), flush=True)
    growth = copies(rows)
    settings = {name: getattr(args, name) for name in ("encoder", "bins", "frames", "chunk", "block", "device")}
    if args.json:
        print(json.dumps({**settings, "rows": rows, "copies": growth}))
    else:
        print(sentence(rows, growth))
    if args.write:
        said = ", ".join(f"{name} {value}" for name, value in settings.items())
        table = markdown_table(HEADER, [cells(row) for row in rows])
        title = f"## Cached gradients\n\n{told}. MiB that one step adds; {said}."
        replace_section("gradcache", f"{title}\n\n{table}\n\n{sentence(rows, growth)}")


def cells(row: dict[str, float]) -> list[str]:
    """One line of the table."""
    numbers = ["-" if row[name] is None else f"{row[name]:.3g}" for name in HEADER[1:]]
    return [f"{row['batch']:.0f}", *numbers]


def copies(rows: list[dict[str, float]]) -> dict[str, float]:
    """By how many copies of the embeddings each part grows from the smallest batch to the largest."""
    first, last = rows[0], rows[-1]
    more = last["embeddings"] - first["embeddings"]
    return {part: (last[part] - first[part]) / more for part in PARTS} if more else {}


def sentence(rows: list[dict[str, float]], growth: dict[str, float]) -> str:
    """`copies` in words, and what is left of each part without them."""
    parts = []
    for part, count in growth.items():
        rest = [row[part] - count * row["embeddings"] for row in rows]
        parts.append(f"{part} {count:.1f} (without them {min(rest):.0f} to {max(rest):.0f} MiB)")
    return f"Copies of the embeddings by which each part grows: {', '.join(parts)}." if parts else ""


def in_a_process(args: argparse.Namespace, batch: int, how: str) -> dict[str, float]:
    """The measurement of one batch size, apart from all others."""
    options = ("chunk", "block", "encoder", "bins", "frames", "device")
    command = [sys.executable, __file__, "--measure", how, "--batches", str(batch)]
    for option in options:
        command += [f"--{option}", str(getattr(args, option))]
    # glibc keeps freed blocks below its (growing) threshold: the resident set would show its habits, not ours.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout)


class Crops(Sequence[Tensor]):
    """One view of `count` recordings in chunks [B, frames, bins], each made anew, and alike, when it is asked for."""

    def __init__(self, view: int, count: int, chunk: int, frames: int, bins: int) -> None:
        self.view, self.count, self.chunk, self.shape = view, count, chunk, (frames, bins)

    def __len__(self) -> int:
        return -(-self.count // self.chunk)

    def __getitem__(self, index: int) -> Tensor:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        generator = torch.Generator().manual_seed(len(self) * self.view + index)
        return torch.randn(min(self.chunk, self.count - index * self.chunk), *self.shape, generator=generator)


class Peaks:
    """The peak of each part of a cached step, which the calls of the encoder and of the loss tell apart."""

    def __init__(self, encoder: Encoder, loss: nn.Module, device: torch.device) -> None:
        self.device, self.part, self.bytes = device, PARTS[0], dict.fromkeys(PARTS, 0.0)
        loss.register_forward_pre_hook(lambda *_: self.enter("loss"))
        encoder.register_forward_pre_hook(lambda *_: self.enter("send back") if torch.is_grad_enabled() else None)
        self.before = reset_peak(device)

    def enter(self, part: str) -> None:
        """Ends the part before, where `part` is another one."""
        if part != self.part:
            self.bytes[self.part] = peak(self.device) - self.before
            reset_peak(self.device)
            self.part = part


def measure(args: argparse.Namespace, batch: int, cached: bool) -> dict[str, float]:
    """MiB of one step and of its parts, and its seconds, after a small one that loads and plans all that is used."""
    torch.manual_seed(0)
    device = torch.device(args.device)
    encoder = build_encoder(args.encoder, feat_dim=args.bins).to(device)
    loss = build_loss({"margin": 0.1, "block_size": args.block}).to(device)
    warm_up = build_loss({"margin": 0.1, "block_size": 4}).to(device)  # several blocks: loads checkpointing
    step(encoder, warm_up, [Crops(view, 8, 8, args.frames, args.bins) for view in (0, 1)], cached, device)
    views: list[Sequence[Tensor]] = [Crops(view, batch, args.chunk, args.frames, args.bins) for view in (0, 1)]
    if not cached:
        views = [[torch.cat(list(view))] for view in views]
    sizes = {"inputs": 8 * batch * args.frames * args.bins / MIB, "embeddings": 8 * batch * encoder.embed_dim / MIB}
    peaks = Peaks(encoder, loss, device)
    start = time.perf_counter()
    step(encoder, loss, views, cached, device)
    if device.type == "cuda":
        torch.cuda.synchronize()
    sizes["seconds"] = time.perf_counter() - start
    peaks.enter("end")
    whole = max(peaks.bytes.values()) / MIB
    if not cached:
        return {"plain": whole, **sizes}
    return {"cached": whole, **{part: value / MIB for part, value in peaks.bytes.items()}, **sizes}


def step(
    encoder: Encoder, loss: nn.Module, views: Sequence[Sequence[Tensor]], cached: bool, device: torch.device
) -> None:
    """The gradients of one batch, whose two views are sequences of chunks (one chunk for the plain step)."""
    if cached:
        GradCache(encoder, loss).backward(*views)
    else:
        loss(*(encoder(view[0].to(device)) for view in views)).loss.backward()


def reset_peak(device: torch.device) -> float:
    """Forgets the peak so far; returns the bytes in use now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return float(torch.cuda.memory_allocated())
    ctypes.CDLL(None).malloc_trim(0)  # what is freed shall not stay resident
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak of the resident set starts anew
    return int(Path("/proc/self/statm").read_text().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))


def peak(device: torch.device) -> float:
    """The peak in bytes since `reset_peak`."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated())
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024.0 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
