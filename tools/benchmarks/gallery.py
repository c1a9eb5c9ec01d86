"""A gallery of a million voices: identification by the compressed index beside comparing with everybody.

    python tools/benchmarks/gallery.py [--speakers 1000000] [--dim 192] [--queries 1000]

Embeddings are made: directions of a spectrum that falls as real ones do; queries lie at a cosine of 0.6 and 0.75 to
their speaker. Prints processor milliseconds a query on one core, how often the best speaker is the one that comparing
with everybody finds, and what filling and loading cost.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np

from speakerssl.gallery import Gallery


def directions(rng: np.random.Generator, count: int, dim: int) -> Iterator[np.ndarray]:
    """Unit vectors in blocks [100000, D] whose variance falls along rotated axes."""
    basis = np.linalg.qr(rng.standard_normal((dim, dim)))[0] * (np.arange(1, dim + 1) ** -0.5)
    for start in range(0, count, 100_000):
        block = rng.standard_normal((min(100_000, count - start), dim)) @ basis.T
        yield (block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Fills, loads, asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", type=int, default=1_000_000, help="enrolled speakers (1000000)")
    parser.add_argument("--dim", type=int, default=192, help="numbers in an embedding (192)")
    parser.add_argument("--queries", type=int, default=1000, help="recordings to identify (1000)")
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        book = Gallery(Path(folder) / "voices.db")
        start = time.process_time()
        everybody = []
        for number, block in enumerate(directions(rng, args.speakers, args.dim)):
            book.enrol_many([f"s{number}-{row}" for row in range(len(block))], block)
            everybody.append(block)
        vectors = np.concatenate(everybody)
        print(f"filling: {time.process_time() - start:.1f} s of a core for {len(vectors)} speakers")
        book.identify(vectors[0], threshold=0.0)  # builds the index and keeps it beside the file
        book = Gallery(Path(folder) / "voices.db")
        start = time.process_time()
        book.identify(vectors[0], threshold=0.0)
        print(f"loading, the index from its file: {time.process_time() - start:.1f} s of a core")
        for closeness in (0.6, 0.75):
            measure(book, vectors, closeness, args.queries, rng)


def measure(book: Gallery, vectors: np.ndarray, closeness: float, count: int, rng: np.random.Generator) -> None:
    """One line: `count` queries at a cosine of about `closeness` to their speakers."""
    speakers = rng.integers(len(vectors), size=count)
    noise = next(directions(rng, count, vectors.shape[1]))
    queries = vectors[speakers] * closeness + noise * np.sqrt(1 - closeness**2)
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)  # as vectors: no copies
    truth = np.concatenate([(queries[row : row + 100] @ vectors.T).argmax(1) for row in range(0, count, 100)])
    few = queries[:20]
    start = time.process_time()
    for query in few:
        (vectors @ query).argmax()
    plain = (time.process_time() - start) / len(few)
    start = time.process_time()
    found = [book.identify(query, threshold=-1.0).name for query in queries]
    ours = (time.process_time() - start) / count
    wanted = [f"s{row // 100_000}-{row % 100_000}" for row in truth.tolist()]
    same = np.mean([one == other for one, other in zip(found, wanted)])
    print(
        f"cosine {closeness}: {1000 * ours:.1f} ms a query, comparing with everybody {1000 * plain:.1f} ms "
        f"({plain / ours:.1f} x); the same best speaker in {same:.2%}"
    )


if __name__ == "__main__":
    main()
