"""Speed of speakerssl's FBank on one CPU core beside torchaudio's, alternating in one run.

    python tools/benchmarks/fbank.py [--bins 40 64 80] [--batches 1 8 32] [--seconds 2] [--blocks 100 200 400 800]

Prints processor microseconds a frame (the median of the repeats) and how many times faster than
`torchaudio.compliance.kaldi.fbank`, called once a crop, it is. `--blocks` tries other block sizes, the number of
frames worked on at once.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torchaudio.compliance.kaldi as torchaudio_kaldi

from speakerssl.features import Fbank, base


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=int, nargs="+", default=[40, 64, 80], help="mel bins (40 64 80)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32], help="crops in a batch (1 8 32)")
    parser.add_argument("--blocks", type=int, nargs="+", default=[base.CPU_BLOCK], help="frames in a block")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a crop (2)")
    parser.add_argument("--repeats", type=int, default=15, help="repeats of each measurement (15)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    print(f"{'bins':>4} {'batch':>5} {'block':>6} {'ours us/frame':>14} {'torchaudio us/frame':>20} {'ratio':>6}")
    for bins in args.bins:
        module = Fbank(num_mel_bins=bins)
        for batch in args.batches:
            crops = 3000 * torch.randn(batch, round(16000 * args.seconds), generator=generator)
            for base.CPU_BLOCK in args.blocks:
                ours, theirs = alternate(lambda: module(crops), lambda: each_crop(crops, bins), args.repeats)  # noqa: B023
                frames = module(crops[:1]).shape[1] * batch
                times = f"{ours / frames * 1e6:14.2f} {theirs / frames * 1e6:20.2f}"
                print(f"{bins:4d} {batch:5d} {base.CPU_BLOCK:6d} {times} {theirs / ours:6.2f}")


def each_crop(crops: torch.Tensor, bins: int) -> torch.Tensor:
    """torchaudio's FBank, which takes one recording at a time."""
    return torch.stack([torchaudio_kaldi.fbank(crop[None], num_mel_bins=bins) for crop in crops])


def alternate(first: Callable[[], object], second: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median processor seconds of both functions, called in turn so that a busy machine slows both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 2):
        for function, seconds in zip((first, second), times):
            start = time.process_time()
            function()
            seconds.append(time.process_time() - start)
    # The first two calls fill caches and plan the transforms.
    return statistics.median(times[0][2:]), statistics.median(times[1][2:])


if __name__ == "__main__":
    main()
