"""Speed and memory of `metrics`, `compare` and `report` on lists of millions of trials that nobody sorted.

    python tools/benchmarks/lists.py [--trials 5000000] [--bootstrap 1000] [--write]

Trials between made-up recordings of 1,251 speakers; one score file in the order of the list, one shuffled. Each verb is
a process of its own, start included. "cpu" is processor seconds of all threads, which a busy machine disturbs less than
"wall". `--write` puts the table into RESULTS.md.
"""

import argparse
import multiprocessing
import sys
import tempfile
from pathlib import Path

import numpy as np
from process import measure_command
from table import machine, markdown_table, replace_section

from speakerssl.kernels import thread_count
from speakerssl.trials.score_writer import write_scores
from speakerssl.trials.trial_list import Trials

SPEAKERS, RECORDINGS = 1251, 120


def main() -> None:
    """Measures, prints and, with --write, records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5_000_000, help="trials of the list (5,000,000)")
    parser.add_argument("--bootstrap", type=int, default=1000, help="draws of speakers in compare and report (1000)")
    parser.add_argument("--write", action="store_true", help="write the section `lists` of RESULTS.md")
    args = parser.parse_args()
    where = machine(("numpy", "numba"))
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: the peak of a child counts what its parent held when it was made.
        writer = multiprocessing.get_context("spawn").Process(target=write_lists, args=(Path(folder), args.trials))
        writer.start()
        writer.join()
        rows = measure(Path(folder), args.bootstrap)
    note = f"{where}. {thread_count()} threads, {args.trials:,} trials, {args.bootstrap} draws of speakers."
    text = (
        f"## Lists of millions of trials\n\n{note}\n\n{markdown_table(('what', 'wall s', 'cpu s', 'peak MiB'), rows)}"
    )
    print(text)
    if args.write:
        replace_section("lists", text)


def write_lists(folder: Path, count: int) -> None:
    """`trials` (`1 enrol test`), `ordered` and `shuffled` scores of two systems."""
    rng = np.random.default_rng(0)
    size = SPEAKERS * RECORDINGS
    ids = [
        f"id1{s:04d}/{(s * 7919 + r) % 99991:05d}abcdef/{r:05d}.wav" for s in range(SPEAKERS) for r in range(RECORDINGS)
    ]
    labels = (rng.random(count) < 0.5).astype(np.int8)
    enrol = rng.integers(0, size, count)
    other = (enrol // RECORDINGS + rng.integers(1, SPEAKERS, count)) % SPEAKERS
    speaker = np.where(labels == 1, enrol // RECORDINGS, other)
    test = speaker * RECORDINGS + rng.integers(0, RECORDINGS, count)
    _, kept = np.unique(enrol * size + test, return_index=True)
    kept = rng.permutation(kept)
    trials = Trials(ids, ids, enrol[kept].astype(np.int32), test[kept].astype(np.int32), labels[kept])
    own = labels[kept]
    with (folder / "trials").open("w") as stream:
        stream.writelines(f"{own[row]} {' '.join(trials.pair(row))}\n" for row in range(len(own)))
    for name in ("ordered", "shuffled"):
        order = rng.permutation(len(own)) if name == "shuffled" else np.arange(len(own))
        scores = np.round(0.12 * rng.standard_normal(len(own)) + np.where(own == 1, 0.6, 0.05), 9)
        write_scores(folder / name, trials.select(order), scores[order])


def measure(folder: Path, bootstrap: int) -> list[list[str]]:
    """One row a command; a small run first fills numba's cache."""
    verb = [sys.executable, "-m", "speakerssl.cli.main"]
    lists = ["--trials", str(folder / "trials")]
    draws = ["--bootstrap", str(bootstrap)]
    both = ["--scores", str(folder / "ordered"), str(folder / "shuffled"), *lists, *draws]
    commands = {
        "metrics, scores in the order of the list": [*verb, "metrics", "--scores", str(folder / "ordered"), *lists],
        "metrics, scores shuffled": [*verb, "metrics", "--scores", str(folder / "shuffled"), *lists],
        "compare two systems": [*verb, "compare", *both],
        "report on two systems": [*verb, "report", *both, "--output", str(folder / "report.html")],
    }
    few = folder / "few"
    few.write_text("a/1 a/2 0.5 1\na/1 b/1 0.25 0\nb/1 b/2 0.75 1\n")
    measure_command([*verb, "report", "--scores", str(few), "--output", str(folder / "few.html"), "--bootstrap", "8"])
    rows = []
    for name, command in commands.items():
        wall, cpu, peak = measure_command(command)
        rows.append([name, f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}"])
    return rows


if __name__ == "__main__":
    main()
