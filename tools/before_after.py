"""Do two checkouts of this project give the same bytes? Every scoring verb, on one trial list.

    python tools/before_after.py BEFORE AFTER --list vox1_O_cleaned.txt.gz [--work DIR] [--only WORD]

BEFORE and AFTER are folders that hold `speakerssl/`. Embeddings are random but fixed, under the list's real ids; the
same commands then run with either checkout: cosine, enrolment models with both averages, a mean to subtract, back-ends
(chain, PLDA, adapted), AS-norm with speakers and clusters, calibration, fusion, metrics and the report. All files and
the printed JSON are compared byte for byte; npz files by their arrays. Exit status 1 where something differs, and how
far scores are apart.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DIM = 192
TEST = ["--embeddings", "in/test.npz", "--trials", "in/trials"]
MODELS = ["--embeddings", "in/test.npz", "--trials", "in/model_trials", "--enrol-models", "in/spk2utt"]
AS_NORM = ["norm", *TEST, "--cohort", "in/cohort.npz", "--method", "as", "--top", "100", "--json"]
SPEAKERS = ["--cohort-utt2spk", "in/cohort_utt2spk"]
TRAIN = ["backend", "train", "--embeddings", "in/cohort.npz", "--utt2spk", "in/cohort_utt2spk", "--json"]
FUSED = ["cosine", "asnorm", "plda"]
LABELS = ["--trials", "in/trials"]


@dataclass(frozen=True)
class Step:
    """A command of `name`; `after` are its arguments in the second checkout where they are other ones."""

    name: str
    before: list[str]
    after: list[str] | None = None


def apply_backend(backend: str, output: str, *options: str) -> Step:
    """Scores with a back-end: `backend apply` in the first checkout, `score` in the second."""
    arguments = ["--backend", backend, "--output", output, *options]
    return Step(output, ["backend", "apply", *arguments], ["score", *arguments])


STEPS = [
    Step("cosine", ["score", *TEST, "--output", "cosine"]),
    Step("gzip", ["score", *TEST, "--output", "cosine.gz"]),
    Step("models", ["score", *MODELS, "--output", "models"]),
    Step("model_scores", ["score", *MODELS, "--average", "scores", "--output", "model_scores"]),
    Step("skipped", ["score", "--embeddings", "in/some.npz", *LABELS, "--skip-missing", "--output", "skipped"]),
    Step("centred", ["score", *TEST, "--mean-vector", "in/mean_vec.npy", "--output", "centred"]),
    Step("chain", [*TRAIN, "--chain", "mean,lda:100,length", "--output", "chain.npz"]),
    Step("plda", [*TRAIN, "--chain", "mean,lda:100,length", "--plda", "--output", "plda.npz"]),
    Step("adapted", ["backend", "adapt", "--backend", "plda.npz", "--adapt", "in/test.npz", "--output", "adapted.npz"]),
    apply_backend("chain.npz", "chain_cosine", *TEST),
    apply_backend("plda.npz", "plda", *TEST),
    apply_backend("adapted.npz", "adapted", *TEST),
    apply_backend("plda.npz", "plda_models", *MODELS),
    Step("moved", ["backend", "apply", "--backend", "plda.npz", "--embeddings", "in/test.npz",
                   "--output-embeddings", "moved"]),
    Step("asnorm", [*AS_NORM, "--output", "asnorm", "--write-cohort-means", "means"]),
    Step("asnorm_speakers", [*AS_NORM, *SPEAKERS, "--output", "asnorm_speakers"]),
    Step("asnorm_clusters", [*AS_NORM, "--cohort-clusters", "150", "--output", "asnorm_clusters",
                             "--write-clusters", "clusters"]),
    Step("asnorm_plda", [*AS_NORM, *SPEAKERS, "--backend", "plda.npz", "--output", "asnorm_plda"]),
    Step("asnorm_of_file", [*AS_NORM, "--scores", "cosine", "--output", "asnorm_of_file"]),
    Step("snorm", [*AS_NORM, "--method", "s", "--backend", "chain.npz", "--output", "snorm"]),
    Step("calibrated", ["calibrate", "--scores", "asnorm", *LABELS, "--quality", "cohort-mean=means", "--save",
                        "calibration.json", "--output", "calibrated", "--json"]),
    Step("held_out", ["calibrate", "--scores", "asnorm", *LABELS, "--cross-validate", "--output", "held_out"]),
    Step("isotonic", ["calibrate", "--scores", "plda", *LABELS, "--method", "isotonic", "--output", "isotonic"]),
    Step("fused", ["fuse", "--scores", *FUSED, *LABELS, "--save", "fusion.json", "--output", "fused", "--json"]),
    Step("greedy", ["fuse", "--scores", *FUSED, *LABELS, "--greedy", "--cross-validate", "--output", "greedy"]),
    Step("metrics", ["metrics", "--scores", "fused", *LABELS, "--p-target", "0.01", "--bootstrap", "50", "--json"]),
    Step("report", ["report", "--scores", "cosine", "plda", *LABELS, "--bootstrap", "20", "--output", "report.html",
                    "--json"]),
]  # fmt: skip


def main() -> int:
    """Runs both, prints one line a file; 1 where any differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="folder of the first checkout")
    parser.add_argument("after", type=Path, help="folder of the second")
    parser.add_argument("--list", required=True, type=Path, help="trial list with labels, such as VoxCeleb1-O")
    parser.add_argument("--work", type=Path, help="folder for all files (default: a temporary one)")
    parser.add_argument("--only", default="", help="compare only files whose name holds this word")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = args.work or Path(name)
        folders = work / "before", work / "after"
        make_inputs(args.list, work / "in")
        for step in STEPS:
            run(step.name, step.before, args.before.resolve(), folders[0])
            run(step.name, step.after or step.before, args.after.resolve(), folders[1])
        return compare(*folders, args.only)


def make_inputs(path: Path, folder: Path) -> None:
    """Writes the list, embeddings of its recordings and of a cohort, labels, enrolment models and a mean."""
    folder.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    (folder / "trials").write_text(text)
    rng = np.random.default_rng(0)
    ids = sorted({name for line in text.splitlines() for name in line.split()[1:]})
    speaker = [name.partition("/")[0] for name in ids]
    voices = {name: rng.standard_normal(DIM) for name in sorted(set(speaker))}
    matrix = np.stack([0.3 * voices[name] for name in speaker]) + rng.standard_normal((len(ids), DIM)) + 0.1
    write_npz(folder / "test.npz", ids, matrix)
    write_npz(folder / "some.npz", ids[: -len(ids) // 5], matrix[: -len(ids) // 5])
    np.save(folder / "mean_vec.npy", matrix.mean(0).astype(np.float32))
    cohort = [f"c{s:03d}-{r}" for s in range(200) for r in range(8)]
    others = np.repeat(0.3 * rng.standard_normal((200, DIM)), 8, axis=0)
    write_npz(folder / "cohort.npz", cohort, others + rng.standard_normal((len(cohort), DIM)) + 0.1)
    (folder / "cohort_utt2spk").write_text("".join(f"{name} {name[:4]}\n" for name in cohort))
    members: dict[str, list[str]] = {}
    for name, who in zip(ids, speaker):
        members.setdefault(who, []).append(name)
    sizes = {who: 1 + number % 7 for number, who in enumerate(members)}
    lines = [f"{who} {' '.join(members[who][: sizes[who]])}\n" for who in members]
    (folder / "spk2utt").write_text("".join(lines))
    pairs = [(who, ids[int(i)]) for who in members for i in rng.choice(len(ids), min(200, len(ids)), replace=False)]
    lines = [f"{int(name.partition('/')[0] == who)} {who} {name}\n" for who, name in pairs]
    (folder / "model_trials").write_text("".join(lines))


def write_npz(path: Path, ids: list[str], matrix: np.ndarray) -> None:
    """Embeddings as npz, by no code of the project."""
    np.savez(path, ids=np.array(ids), embeddings=matrix.astype(np.float32))


def run(name: str, arguments: list[str], checkout: Path, folder: Path) -> None:
    """Runs one verb inside `folder`, its output in `<name>.out`; ends everything where it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "in").exists():
        (folder / "in").symlink_to(folder.parent / "in")
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "speakerssl.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{checkout}: {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    if "--json" in arguments:
        (folder / f"{name}.out").write_text(done.stdout)


def compare(before: Path, after: Path, only: str) -> int:
    """One line a file; 1 where any differs."""
    names = sorted({str(path.relative_to(f)) for f in (before, after) for path in f.rglob("*") if path.is_file()})
    differing = 0
    for name in names:
        if name.startswith("in/") or only not in name:
            continue
        if not (before / name).exists():
            print(f"new      {name}")
            continue
        difference = difference_of(before / name, after / name) if (after / name).exists() else "missing"
        differing += bool(difference)
        print(f"{'DIFFERS' if difference else 'same   '}  {name}  {difference}".rstrip())
    print(f"{differing} of {len(names)} files differ")
    return int(differing > 0)


def difference_of(one: Path, other: Path) -> str:
    """Empty where two files hold the same; else in what they differ."""
    if one.read_bytes() == other.read_bytes():
        return ""
    if one.suffix == ".gz":  # gzip notes the time and the temporary name
        return "" if gzip.decompress(one.read_bytes()) == gzip.decompress(other.read_bytes()) else "content"
    if one.suffix == ".npz":
        arrays = [dict(np.load(path)) for path in (one, other)]
        keys = sorted(set(arrays[0]) ^ set(arrays[1])) or [
            key for key in arrays[0] if not np.array_equal(arrays[0][key], arrays[1][key])
        ]
        return f"arrays {', '.join(keys)}" if keys else ""
    if one.suffix == ".out":
        return differing_keys(json.loads(one.read_text()), json.loads(other.read_text()))
    lines = [path.read_text(errors="replace").splitlines() for path in (one, other)]
    apart = [pair for pair in zip(*lines) if pair[0] != pair[1]]
    try:
        largest = max(abs(float(a.split()[-1]) - float(b.split()[-1])) for a, b in apart)
        return f"{len(apart)} of {len(lines[0])} lines, numbers by {largest:.1e} at most"
    except (ValueError, IndexError):
        return f"{len(apart)} of {len(lines[0])} and {len(lines[1])} lines"


def differing_keys(one: object, other: object, where: str = "") -> str:
    """The paths of all values that two JSON documents do not share."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        found = [differing_keys(one.get(key), other.get(key), f"{where}.{key}") for key in keys]
        return " ".join(text for text in found if text)
    return "" if one == other else where.lstrip(".") or "all"


if __name__ == "__main__":
    sys.exit(main())
