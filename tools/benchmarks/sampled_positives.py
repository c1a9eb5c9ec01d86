"""Time and peak memory of sampling positives (SSPS) by k-means: on random embeddings, projected to VoxCeleb2's size.

    python tools/benchmarks/sampled_positives.py                        # two hundredths of the work, minutes
    python tools/benchmarks/sampled_positives.py --recordings 1090000 --clusters 25000

Lloyd's iteration costs 2 x recordings x clusters x dimensions operations; the time of another size or machine follows
from the rate that is printed. The baseline in the same run is the same product of matrices by numpy alone, without
the maximum: the share of it that k-means reaches.
"""

import argparse
import os
import resource
import time

import numpy as np

from speakerssl.methods.ssps import PositiveSampler, References

FULL = (1_090_000, 25_000)  # recordings of VoxCeleb2 dev, clusters of the papers' best row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=109_000)
    parser.add_argument("--clusters", type=int, default=5_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--gpu-tflops", type=float, default=20.0, help="assumed float32 rate for the projection")
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    speakers = rng.standard_normal((max(1, args.recordings // 180), args.dim), dtype=np.float32)
    embeddings = rng.standard_normal((args.recordings, args.dim), dtype=np.float32)
    embeddings += speakers[rng.integers(0, len(speakers), args.recordings)]
    before = peak()
    sampler = PositiveSampler(args.clusters, neighbours=1, iterations=args.iterations)
    began = time.perf_counter()
    found = sampler.draw(0, References(embeddings))
    seconds = time.perf_counter() - began
    work = 2 * args.recordings * args.clusters * args.dim * (args.iterations + 1)
    rate = work / seconds
    print(f"{args.recordings} x {args.dim}, {args.clusters} clusters, {args.iterations} iterations: {seconds:.0f} s")
    print(f"threads: {os.environ.get('OMP_NUM_THREADS', 'all')} of {os.cpu_count()} cores; {rate / 1e9:.1f} GFLOP/s")
    print(f"numpy's product alone: {product_rate(args.dim) / 1e9:.1f} GFLOP/s")
    print(f"peak memory: {peak():.2f} GB, of which the embeddings and what made them {before:.2f} GB")
    print(f"positives of other recordings: {(found.recordings != np.arange(args.recordings)).mean():.4f}")
    full = 2 * FULL[0] * FULL[1] * args.dim * (args.iterations + 1)
    print(f"projected to {FULL[0]} x {args.dim}, {FULL[1]} clusters at this rate: {full / rate / 60:.0f} min")
    print(f"and at {args.gpu_tflops:g} TFLOP/s of a GPU (assumed): {full / args.gpu_tflops / 1e12:.0f} s")


def product_rate(dim: int) -> float:
    """Operations a second of a float32 product of matrices of the size that faiss takes at a time."""
    a, b = np.ones((4096, dim), np.float32), np.ones((dim, 1024), np.float32)
    a @ b
    began = time.perf_counter()
    for _ in range(5):
        a @ b
    return 5 * 2 * a.shape[0] * dim * b.shape[1] / (time.perf_counter() - began)


def peak() -> float:
    """GB that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
