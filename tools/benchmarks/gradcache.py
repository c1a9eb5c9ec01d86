"""Peak memory of one contrastive step by batch size: plain, and with cached gradients.

    python tools/benchmarks/gradcache.py [--batches 128 256 1024 4096] [--chunk 64] [--encoder small_tdnn]
    python tools/benchmarks/gradcache.py --device cuda --encoder thin_resnet34 --bins 40 --batches 256 1024 8192

Every measurement is a process of its own. "peak" is the memory that the step adds to what is there before it (the
weights and, on the CPU, the batch of features itself): the resident set on the CPU, allocated tensors on a GPU. With
cached gradients it is a chunk's activations, a block of the loss, and some copies of the embeddings, the only part
that grows with the batch. The loss is SNT-Xent-AM with at most `--block` squared cosines at a time. `--plain-limit`
is the largest batch tried without cached gradients.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

from speakerssl.encoders import build_encoder
from speakerssl.losses import GradCache, build_loss

MIB = 2**20


def main() -> None:
    """Prints the table, one line a batch size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 256, 1024, 4096], help="recordings in a batch")
    parser.add_argument("--plain-limit", type=int, default=1024, help="largest batch without cached gradients (1024)")
    parser.add_argument("--chunk", type=int, default=64, help="recordings encoded at a time (64)")
    parser.add_argument("--block", type=int, default=512, help="side of a block of the loss's cosines (512)")
    parser.add_argument("--encoder", default="small_tdnn", help="name of the encoder (small_tdnn)")
    parser.add_argument("--bins", type=int, default=64, help="mel bins (64)")
    parser.add_argument("--frames", type=int, default=200, help="frames in a crop (200)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--json", action="store_true", help="print an object instead of a table")
    parser.add_argument("--measure", choices=("plain", "cached"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args, args.batches[0], args.measure == "cached")))
        return
    rows = []
    if not args.json:
        print(f"{'batch':>6} {'plain MiB':>10} {'s':>7} {'cached MiB':>11} {'s':>7}")
    for batch in args.batches:
        cached = in_a_process(args, batch, "cached")
        plain = in_a_process(args, batch, "plain") if batch <= args.plain_limit else None
        rows.append({"batch": batch, "plain": plain, "cached": cached})
        if not args.json:
            left = f"{plain['peak_mib']:10.0f} {plain['seconds']:7.1f}" if plain else f"{'-':>10} {'-':>7}"
            print(f"{batch:6d} {left} {cached['peak_mib']:11.0f} {cached['seconds']:7.1f}", flush=True)
    if args.json:
        print(json.dumps({"encoder": args.encoder, "chunk": args.chunk, "block": args.block, "rows": rows}))


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


def measure(args: argparse.Namespace, batch: int, cached: bool) -> dict[str, float]:
    """Peak memory and seconds of one step, after a small one that loads and plans all that is used."""
    torch.manual_seed(0)
    device = torch.device(args.device)
    encoder = build_encoder(args.encoder, feat_dim=args.bins).to(device)
    loss = build_loss({"margin": 0.1, "block_size": args.block}).to(device)
    views = torch.randn(2, batch, args.frames, args.bins)
    warm_up = build_loss({"margin": 0.1, "block_size": 4}).to(device)  # several blocks: loads checkpointing
    step(encoder, warm_up, views[:, :8], args.chunk, cached, device)
    before = reset_peak(device)
    start = time.perf_counter()
    step(encoder, loss, views, args.chunk, cached, device)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return {"peak_mib": (peak(device) - before) / MIB, "seconds": time.perf_counter() - start}


def step(
    encoder: torch.nn.Module,
    loss: torch.nn.Module,
    views: torch.Tensor,
    chunk: int,
    cached: bool,
    device: torch.device,
) -> None:
    """The gradients of one batch [2, N, T, F]."""
    if cached:
        GradCache(encoder, loss, chunk).backward(views[0], views[1])
    else:
        loss(encoder(views[0].to(device)), encoder(views[1].to(device))).loss.backward()


def reset_peak(device: torch.device) -> float:
    """Forgets the peak so far; returns the bytes in use now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return float(torch.cuda.memory_allocated())
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
