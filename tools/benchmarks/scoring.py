"""Speed and memory of scoring and metrics on VoxCeleb1-E, and of metrics on ten million scores.

    python tools/benchmarks/scoring.py --list vox1_E.txt.gz [--repeats 5] [--write]

Random 192-d embeddings are made under the list's real ids. Whole commands are processes of their own, start included;
what is compared alternates in one run. "cpu" is processor seconds of all threads, which a busy machine disturbs less
than "wall". `--write` puts the table into RESULTS.md.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from process import measure_command
from table import machine, markdown_table, replace_section

from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.kernels import thread_count
from speakerssl.metrics.detection import eer_and_min_dcf
from speakerssl.scoring.trial_scores import score
from speakerssl.trials.trial_list import Trials, read_trials

Timing = tuple[float, float]
DIM = 192

MAKE = """
import sys, numpy
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.trials.trial_list import read_trials
trials = read_trials(sys.argv[2])
ids = list(dict.fromkeys(trials.enrol_ids + trials.test_ids))
write_embeddings(sys.argv[1], ids, numpy.random.default_rng(0).standard_normal((len(ids), int(sys.argv[3]))))
"""

FLOOR = """
import sys, numpy
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.trials.trial_list import read_trials
read_embeddings(sys.argv[1])
trials = read_trials(sys.argv[2])
numpy.sort(numpy.random.default_rng(0).standard_normal(len(trials)))
"""

SCRIPT = """
import gzip, sys, kaldiio, numpy
embeddings = dict(kaldiio.load_scp_sequential(sys.argv[1]))
trials = [line.split() for line in gzip.open(sys.argv[2], "rt")]
numpy.sort(numpy.random.default_rng(0).standard_normal(len(trials)))
"""

BOOTSTRAP = """
import json, resource, sys, time, numpy
from speakerssl.metrics.suite import MetricSuite
from speakerssl.metrics.bootstrap import speaker_bootstrap
from speakerssl.trials.speakers import trial_speakers
from speakerssl.trials.trial_list import read_trials
trials = read_trials(sys.argv[1])
labels = trials.require_labels()
scores = numpy.random.default_rng(0).standard_normal(len(trials)) + 3 * labels
suite = MetricSuite(p_targets=(0.05,), keys=("eer", "min_dcf") if sys.argv[3] == "quick" else None)
start = time.perf_counter(), time.process_time()
speaker_bootstrap(scores, labels, trial_speakers(trials), suite, int(sys.argv[2]))
seconds = time.perf_counter() - start[0], time.process_time() - start[1]
print(json.dumps([*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def main() -> None:
    """Measures, prints and, with --write, records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", required=True, help="trial list: VoxCeleb1-E, 581,480 trials")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each measurement (5)")
    parser.add_argument("--replicates", type=int, default=1000, help="bootstrap replicates (1000)")
    parser.add_argument("--scores", type=int, default=10_000_000, help="scores of the metrics-only row (10,000,000)")
    parser.add_argument("--write", action="store_true", help="write the section `scoring` of RESULTS.md")
    args = parser.parse_args()
    where = machine(("numpy", "numba", "scikit-learn", "kaldiio"))
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory is at least that of the parent it was forked from.
        subprocess.run([sys.executable, "-c", MAKE, folder, args.list, str(DIM)], check=True)
        scp = f"{folder}/xvector.scp"
        rows = whole_command(scp, args.list, folder, args.repeats)
        intervals = bootstrap(args.list, args.replicates)
        trials, embeddings = read_trials(args.list), read_embeddings(scp)
    rows += per_trial(trials, embeddings, args.repeats)
    rows += ten_million(args.scores, args.repeats) + intervals
    table = markdown_table(("what", "wall s", "cpu s", "peak MiB", "ratio", "bar"), rows)
    counts = f"{len(trials)} trials, {len(embeddings)} recordings"
    note = f"{where}. {thread_count()} threads, medians of {args.repeats}, {counts}."
    text = f"## Scoring and metrics\n\n{note}\n\n{table}"
    print(text)
    if args.write:
        replace_section("scoring", text)


def whole_command(scp: str, trials: str, folder: str, repeats: int) -> list[list[str]]:
    """The command with scores written and metrics printed, beside the floor and what a plain script needs to read."""
    verb = [sys.executable, "-m", "speakerssl.cli.main", "score", "--embeddings", scp, "--trials", trials]
    commands = {
        "score + EER + minDCF + Cllr": [*verb, "--output", f"{folder}/scores.txt", "--metrics", "--json"],
        "floor: reading both, numpy.sort": [sys.executable, "-c", FLOOR, scp, trials],
        "reading both with kaldiio and a line loop, numpy.sort": [sys.executable, "-c", SCRIPT, scp, trials],
    }
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for repeat in range(repeats + 1):
        for name, command in commands.items():
            measured = measure_command(command)
            # The first round fills numba's and the disk's caches.
            if repeat:
                found[name].append(measured)
    middle = {name: [statistics.median(column) for column in zip(*values)] for name, values in found.items()}
    ours = middle["score + EER + minDCF + Cllr"]
    out = []
    for name, (wall, cpu, peak) in middle.items():
        ratio = f"{ours[0] / wall:.2f} wall, {ours[1] / cpu:.2f} cpu"
        bar = "at most 3 s and 2 x the floor" if name.startswith("score") else ""
        first = name.startswith("score")
        out.append([name, f"{wall:.2f}", f"{cpu:.2f}", f"{peak:.0f}", "" if first else ratio, bar])
    return out


def per_trial(trials: Trials, embeddings: Embeddings, repeats: int) -> list[list[str]]:
    """Microseconds a trial: all trials at once, a NumPy dot product each, scikit-learn's cosine_similarity each."""
    from sklearn.metrics.pairwise import cosine_similarity

    units = embeddings.matrix / np.linalg.norm(embeddings.matrix, axis=1, keepdims=True)
    by_id = dict(zip(embeddings.ids, units))
    pairs = [trials.pair(row) for row in range(0, len(trials), max(1, len(trials) // 20_000))]
    few = pairs[:: len(pairs) // 1000]

    def with_dot() -> None:
        for enrol, test in pairs:
            np.dot(by_id[enrol], by_id[test])

    def with_sklearn() -> None:
        for enrol, test in few:
            cosine_similarity(by_id[enrol].reshape(1, -1), by_id[test].reshape(1, -1))[0][0]

    ours, dot, sklearn = alternate([lambda: score(trials, embeddings), with_dot, with_sklearn], repeats)
    each = [
        ("cosine of the whole list, us a trial", ours, len(trials), ""),
        ("numpy.dot in a Python loop, us a trial", dot, len(pairs), "at least 10"),
        ("cosine_similarity in a Python loop, us a trial", sklearn, len(few), "at least 100"),
    ]
    base = [1e6 * value / len(trials) for value in ours]
    out = []
    for name, seconds, count, bar in each:
        wall, cpu = (1e6 * value / count for value in seconds)
        ratio = f"{wall / base[0]:.0f} wall, {cpu / base[1]:.0f} cpu" if bar else ""
        out.append([name, f"{wall:.3f}", f"{cpu:.3f}", "", ratio, bar])
    return out


def ten_million(count: int, repeats: int) -> list[list[str]]:
    """EER and minDCF of many scores beside numpy.sort of them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, count).astype(np.int8)
    scores = rng.standard_normal(count) + labels

    ours, sort = alternate([lambda: eer_and_min_dcf(scores, labels), lambda: np.sort(scores)], repeats)
    ratio = f"{ours[0] / sort[0]:.2f} wall, {ours[1] / sort[1]:.2f} cpu"
    return [
        [f"EER + minDCF of {count:,} scores", f"{ours[0]:.3f}", f"{ours[1]:.3f}", "", ratio, "at most 2 x numpy.sort"],
        ["numpy.sort of them", f"{sort[0]:.3f}", f"{sort[1]:.3f}", "", "", ""],
    ]


def bootstrap(trials: str, count: int) -> list[list[str]]:
    """Time and peak memory of speaker-bootstrap replicates, also of a tenth of them."""
    out = []
    for name, number, kind, bar in (
        (f"{count} speaker-bootstrap replicates of EER + minDCF", count, "quick", "at most 60 s"),
        (f"{count // 10} of them", count // 10, "quick", "the same memory"),
        (f"{count} replicates of all metrics", count, "all", ""),
    ):
        command = [sys.executable, "-c", BOOTSTRAP, trials, str(number), kind]
        wall, cpu, peak = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        out.append([name, f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}", "", bar])
    return out


def alternate(functions: list[Callable[[], Any]], repeats: int) -> list[Timing]:
    """Median wall and processor seconds of each function, called in turn so that a busy machine slows all."""
    times: list[list[Timing]] = [[] for _ in functions]
    for repeat in range(repeats + 1):
        for function, seconds in zip(functions, times):
            start = time.perf_counter(), time.process_time()
            function()
            if repeat:
                seconds.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return [(statistics.median(w for w, _ in each), statistics.median(c for _, c in each)) for each in times]


if __name__ == "__main__":
    main()
