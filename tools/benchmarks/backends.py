"""Speed and memory of `speakerssl norm`, `backend`, `calibrate` and `fuse` on VoxCeleb1-E.

    python tools/benchmarks/backends.py --list vox1_E.txt.gz [--repeats 5] [--write]

Random 192-d embeddings are made under the list's real ids. All rows are whole commands, start included, that alternate
in one run. "cpu" is processor seconds of all threads, which a busy machine disturbs less than "wall". `--write` puts
the table into RESULTS.md.
"""

import argparse
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from process import measure_command
from table import machine, markdown_table, replace_section

from speakerssl.embeddings.storage import write_embeddings
from speakerssl.kernels import thread_count
from speakerssl.trials.trial_list import read_trials

DIM, COHORT, TOP = 192, 5994, 300
TRAIN_SPEAKERS, EACH = 1000, 20

FLOOR = """
import sys
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.trials.trial_list import read_trials
matrix = read_embeddings(sys.argv[1]).matrix
read_trials(sys.argv[2])
cohort = read_embeddings(sys.argv[3]).matrix.T.copy()
for start in range(0, len(matrix), 4096):
    matrix[start : start + 4096] @ cohort
"""


def main() -> None:
    """Measures, prints and, with --write, records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", required=True, help="trial list: VoxCeleb1-E, 581,480 trials")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each command (5)")
    parser.add_argument("--write", action="store_true", help="write the section `backends` of RESULTS.md")
    args = parser.parse_args()
    where = machine(("numpy", "scipy", "numba"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: a child's peak begins at what its parent holds.
        with ProcessPoolExecutor(1) as pool:
            trials, recordings = pool.submit(make_data, folder, args.list).result()
        rows = measure(commands(folder, args.list), args.repeats)
    note = (
        f"{where}. {thread_count()} threads, medians of {args.repeats}, {trials} trials, {recordings} recordings, "
        f"{DIM} dimensions, cohort of {COHORT}, top {TOP}; back-end mean,lda:150,length and PLDA."
    )
    text = f"## Back-ends, normalization, calibration\n\n{note}\n\n" + markdown_table(
        ("command", "wall s", "cpu s", "peak MiB", "bar"), rows
    )
    print(text)
    if args.write:
        replace_section("backends", text)


def make_data(folder: Path, path: str) -> tuple[int, int]:
    """Writes embeddings of the list, a cohort and a labelled training set; the numbers of trials and recordings."""
    trials = read_trials(path)
    rng = np.random.default_rng(0)
    ids = list(dict.fromkeys(trials.enrol_ids + trials.test_ids))
    speakers = [name.partition("/")[0] for name in ids]
    voice = {name: number for number, name in enumerate(dict.fromkeys(speakers))}
    voices = rng.standard_normal((len(voice), DIM), dtype=np.float32)
    rows = np.array([voice[name] for name in speakers])
    write_embeddings(folder / "test", ids, 0.3 * voices[rows] + rng.standard_normal((len(ids), DIM), dtype=np.float32))
    write_embeddings(folder / "cohort", [f"c{i}" for i in range(COHORT)], rng.standard_normal((COHORT, DIM)))
    size = TRAIN_SPEAKERS * EACH
    labels = np.repeat(np.arange(TRAIN_SPEAKERS), EACH)
    offsets = 0.3 * rng.standard_normal((TRAIN_SPEAKERS, DIM))
    write_embeddings(
        folder / "train", [f"u{i}" for i in range(size)], offsets[labels] + rng.standard_normal((size, DIM))
    )
    (folder / "utt2spk").write_text("".join(f"u{i} s{label}\n" for i, label in enumerate(labels)))
    return len(trials), len(ids)


def commands(folder: Path, trials: str) -> dict[str, tuple[list[str], str]]:
    """Each command with its bar, in an order in which every one finds the files of those before."""
    verb = [sys.executable, "-m", "speakerssl.cli.main"]
    test, cohort, train = (str(folder / name / "xvector.scp") for name in ("test", "cohort", "train"))
    both = ["--embeddings", test, "--trials", trials]
    backend, labels = str(folder / "backend.npz"), str(folder / "utt2spk")
    plda, norm, cosine = (str(folder / name) for name in ("plda.scores", "norm.scores", "cosine.scores"))
    as_norm = [*verb, "norm", *both, "--cohort", cohort, "--method", "as", "--top", str(TOP)]
    held_out = ["--trials", trials, "--cross-validate", "--output"]
    return {
        "cosine, for comparison": ([*verb, "score", *both, "--output", cosine], ""),
        "adaptive S-norm": ([*as_norm, "--output", norm], "at most 15 s, 2 GB"),
        "floor of it: reading, products with the cohort": ([sys.executable, "-c", FLOOR, test, trials, cohort], ""),
        "training chain and PLDA, 20,000 recordings": (
            [*verb, "backend", "train", "--embeddings", train, "--utt2spk", labels, "--chain", "mean,lda:150,length",
             "--plda", "--output", backend], ""),
        "chain and PLDA scores": (
            [*verb, "score", "--backend", backend, *both, "--output", plda], "at most 5 s"),
        "adaptive S-norm of PLDA": ([*as_norm, "--backend", backend, "--output", str(folder / "as_plda.scores")], ""),
        "calibration, cross-validated by speaker": (
            [*verb, "calibrate", "--scores", plda, *held_out, str(folder / "llr")], ""),
        "fusion of three, cross-validated by speaker": (
            [*verb, "fuse", "--scores", cosine, norm, plda, *held_out, str(folder / "fused")], ""),
    }  # fmt: skip


def measure(todo: dict[str, tuple[list[str], str]], repeats: int) -> list[list[str]]:
    """Rows of the table: medians over the repeats, the first round (which fills caches) left out."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in todo}
    for repeat in range(repeats + 1):
        for name, (command, _) in todo.items():
            measured = measure_command(command)
            if repeat:
                found[name].append(measured)
    rows = []
    for name, values in found.items():
        wall, cpu, peak = (statistics.median(column) for column in zip(*values))
        rows.append([name, f"{wall:.2f}", f"{cpu:.2f}", f"{peak:.0f}", todo[name][1]])
    return rows


if __name__ == "__main__":
    main()
