"""Time and memory of `speakerssl cluster` on synthetic embeddings, and what that means for VoxCeleb2's 1.2 million.

    python tools/benchmarks/clustering.py [--recordings 200000] [--write]

Recordings of made speakers (20 each, 192 dimensions). All rows are whole commands, start and reading included.
k-means costs recordings x clusters x dimensions x iterations, at most 256 recordings a cluster counting for the moves
of the centroids and all for the assignment; linkage costs clusters^2 x dimensions. The projection multiplies the
processor seconds of each measured part, which a busy machine disturbs less, by the ratio of these products. `--write`
puts the table into RESULTS.md.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from process import measure_command
from table import machine, markdown_table, replace_section

from speakerssl.embeddings.storage import write_embeddings
from speakerssl.kernels import thread_count

DIM, EACH, ITERATIONS = 192, 20, 20
FULL, FULL_MICRO, FULL_CLUSTERS = 1_200_000, 50_000, 7_500
MICRO, CLUSTERS = 10_000, 7_500


def main() -> None:
    """Measures, prints and, with --write, records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=200_000, help="how many embeddings (200000)")
    parser.add_argument("--write", action="store_true", help="write the section `clustering` of RESULTS.md")
    args = parser.parse_args()
    where = machine(("numpy", "faiss-cpu", "numba"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_data(folder, args.recordings)
        read = measure_command([sys.executable, "-c", READ, str(folder / "xvector.scp")])
        make_data(folder / "micro", MICRO)
        linkage = measure(folder / "micro", ["--clusters", str(CLUSTERS), "--micro", str(MICRO)])
        linked = measure(folder, ["--clusters", str(CLUSTERS), "--micro", str(MICRO)])
        means = measure(folder, ["--method", "kmeans", "--clusters", str(CLUSTERS)])
    rows = [
        row("reading the embeddings", read),
        row(f"kmeans to {CLUSTERS}", means),
        row(f"Ward's linkage of {MICRO} alone", linkage),
        row(f"kmeans to {MICRO}, then Ward's linkage to {CLUSTERS}", linked),
    ]
    text = (
        f"## Clustering\n\n{where}. {thread_count()} threads, {args.recordings} embeddings of {DIM} dimensions.\n\n"
        + markdown_table(("what", "wall s", "cpu s", "peak MiB"), rows)
        + "\n\n"
        + projection(args.recordings, means[1] - read[1], linkage[1] - read[1])
    )
    print(text)
    if args.write:
        replace_section("clustering", text)


READ = "import sys; from speakerssl.embeddings.storage import read_embeddings; read_embeddings(sys.argv[1])"


def make_data(folder: Path, recordings: int) -> None:
    """Embeddings of made speakers, each direction of a voice drowned in as much noise."""
    rng = np.random.default_rng(0)
    voices = rng.standard_normal((recordings // EACH, DIM), dtype=np.float32)
    rows = np.arange(recordings) % len(voices)
    matrix = voices[rows] + rng.standard_normal((recordings, DIM), dtype=np.float32)
    write_embeddings(folder, [f"u{i}" for i in range(recordings)], matrix)


def measure(folder: Path, words: list[str]) -> tuple[float, float, float]:
    """Wall and processor seconds and peak MiB of one `speakerssl cluster`."""
    command = [sys.executable, "-m", "speakerssl.cli.main", "cluster", "--embeddings", str(folder / "xvector.scp")]
    return measure_command([*command, *words, "--output", str(folder / "clusters")])


def row(name: str, measured: tuple[float, float, float]) -> list[str]:
    wall, cpu, peak = measured
    return [name, f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}"]


def kmeans_products(recordings: int, clusters: int) -> float:
    """Multiplications of a k-means: the moves of the centroids on a sample, and one assignment of all."""
    return clusters * DIM * (ITERATIONS * min(recordings, 256 * clusters) + recordings)


def projection(recordings: int, means: float, linkage: float) -> str:
    """The arithmetic from what was measured to the full size."""
    done, full = kmeans_products(recordings, CLUSTERS), kmeans_products(FULL, FULL_MICRO)
    rate, growth = done / means, (FULL_MICRO / MICRO) ** 2
    return (
        f"k-means: {done:.3g} multiplications in {means:.0f} processor seconds are {rate:.3g} a second.\n"
        f"For {FULL} recordings, {FULL_MICRO} clusters and then {FULL_CLUSTERS}: k-means {full:.3g} / {rate:.3g} = "
        f"{full / rate / 3600:.1f} h, linkage {linkage:.0f} s x ({FULL_MICRO} / {MICRO})^2 = "
        f"{linkage * growth / 60:.0f} min of one core; memory {2 * FULL * DIM * 4 / 2**30:.1f} GiB (the embeddings as "
        f"read and as unit vectors) and what faiss copies of them, at most as much again."
    )


if __name__ == "__main__":
    main()
