"""SIGKILL at random moments of a stage: run again, the result is the undisturbed one bit for bit, nothing left over.

    python tools/faults.py --work /tmp/faults --kills 20
    python tools/faults.py --work /tmp/faults --kills 3 score norm report
    python tools/faults.py --work /tmp/faults --full-disk

Each stage runs once undisturbed into a folder, whose files are remembered; then, into an empty folder of the same name,
it is started and its whole process group killed at a random moment, again and again, and at last left alone. The inputs
are made up, small, and the same every time. With `--full-disk` (as root) the output stands on a disk that is full in
mid-run: that must be said in one line, and the next run, with room, must end as the undisturbed one.
`tests/tools/test_faults.py` does a few kills and full disks of the quick stages.
"""

import argparse
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RECORDINGS, SPEAKERS = 24, 6


@dataclass(frozen=True)
class Stage:
    """`arguments` of the verb, in which {work} is the folder of the inputs and {out} that of the output."""

    name: str
    arguments: str
    needs: tuple[str, ...] = ()  # stages whose undisturbed output it reads, at {work}/NAME


STAGES = {
    stage.name: stage
    for stage in (
        Stage("prepare", "prepare --audio-dir {work}/audio --output {out}"),
        Stage("features", "features --config {work}/config.yaml --data {work}/data --copies 2 --jobs 2 --output {out}"),
        Stage("shard", "shard --data {work}/data --shard-mb 0.2 --jobs 2 --output {out}"),
        Stage("train", "train --config {work}/config.yaml --device cpu --output {out}"),
        Stage("extract", "extract --model {work}/train --data {work}/data --jobs 2 --output {out}", ("train",)),
        Stage("validate", "validate --data {work}/data --min-duration 0.5 --jobs 2 --output {out}/problems"),
        Stage(
            "cluster",
            "cluster --embeddings {work}/vectors/xvector.scp --method agglomerative "
            "--clusters 6 --output {out}/clusters",
        ),
        Stage("score", "score --trials {work}/trials --embeddings {work}/vectors/xvector.scp --output {out}/scores"),
        Stage(
            "norm",
            "norm --scores {work}/score/scores --embeddings {work}/vectors/xvector.scp "
            "--cohort {work}/cohort/xvector.scp --top 5 --output {out}/scores",
            ("score",),
        ),
        Stage(
            "report",
            "report --scores {work}/score/scores --trials {work}/trials --output {out}/report.html",
            ("score",),
        ),
    )
}  # fmt: skip
CONFIG = """features: {{kind: fbank, num_mel_bins: 40}}
encoder: {{name: small_tdnn, channels: 32, blocks: 2, aggregate_dim: 64, embed_dim: 32}}
loss: {{symmetry: both_views}}
method: {{name: simclr, projector: null}}
data: {{train: [{work}/data]}}
views: {{crop_seconds: 0.4}}
augment: {{noise: {{prob: 0.5}}}}
training: {{batch_size: 8, steps: 30, checkpoint_every: 2, log_every: 1, tensorboard: false}}
"""


def make_inputs(work: Path, recordings: int = RECORDINGS, vectors: int = 4000, pairs: int = 100_000) -> None:
    """Recordings, a data directory, vectors, a cohort, trials and a configuration, in `work`."""
    rng = np.random.default_rng(0)
    for name in ("audio", "data", "vectors", "cohort"):
        (work / name).mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(recordings):
        key = f"s{number % SPEAKERS}-{number}"
        path = work / "audio" / f"{key}.flac"
        tone = np.sin(np.arange(24000) * (0.05 + 0.01 * (number % SPEAKERS))) * (np.sin(np.arange(24000) / 1500) > 0)
        soundfile.write(path, 0.2 * tone + 0.02 * rng.standard_normal(24000), 16000)
        lines.append(f"{key} {path}\n")
    (work / "data" / "wav.scp").write_text("".join(sorted(lines)))
    (work / "config.yaml").write_text(CONFIG.format(work=work))
    from speakerssl.embeddings.storage import write_embeddings

    ids = [f"s{number % 40}-{number}" for number in range(vectors)]
    centres = rng.standard_normal((40, 32))
    matrix = centres[np.arange(vectors) % 40] + rng.standard_normal((vectors, 32))
    write_embeddings(work / "vectors", ids, matrix)
    write_embeddings(work / "cohort", [f"c-{n}" for n in range(50)], rng.standard_normal((50, 32)))
    first, second = rng.integers(0, vectors, (2, pairs))
    trials = dict.fromkeys((a, b) for a, b in zip(first.tolist(), second.tolist()) if a != b)
    (work / "trials").write_text("".join(f"{int(a % 40 == b % 40)} {ids[a]} {ids[b]}\n" for a, b in trials))


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file in `folder` and below, hidden ones too."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def command(stage: Stage, work: Path, out: Path) -> list[str]:
    """The command of a stage that writes into `out`."""
    words = stage.arguments.format(work=work, out=out).split()
    return [sys.executable, "-m", "speakerssl.cli.main", *words]


def run_whole(stage: Stage, work: Path, out: Path) -> float:
    """Runs to the end; returns seconds. Raises SystemExit with what it said where it fails."""
    start = time.monotonic()
    done = subprocess.run(command(stage, work, out), capture_output=True, text=True, env=_environment(), check=False)
    if done.returncode:
        raise SystemExit(f"{stage.name}: {done.stderr.strip()}")
    return time.monotonic() - start


def undisturbed(stage: Stage, work: Path) -> tuple[dict[str, bytes], float]:
    """The files of a whole run in `work/NAME`, which other stages read, and its seconds; what it needs runs first."""
    for name in stage.needs:
        if not (work / name).exists():
            undisturbed(STAGES[name], work)
    out = work / stage.name
    shutil.rmtree(out, ignore_errors=True)
    seconds = run_whole(stage, work, out)
    return contents(out), seconds


def difference(stage: Stage, work: Path, kills: int, seed: int) -> str:
    """What differs after `kills` kills and a whole run from the undisturbed run; '' where nothing does."""
    expected, seconds = undisturbed(stage, work)
    out, draw = work / stage.name, random.Random(seed)
    shutil.rmtree(out)
    for _ in range(kills):
        _kill_within(command(stage, work, out), draw.uniform(0.0, seconds))
    run_whole(stage, work, out)
    return _compare(expected, contents(out))


def full_disk(stage: Stage, work: Path, share: float = 0.5) -> str:
    """What is wrong with a stage whose disk takes `share` of its output; '' where nothing is.

    The disk is a small file system that only the processes of this call see. Raises PermissionError where this machine
    lets nobody mount one.
    """
    for name in stage.needs:
        if not (work / name).exists():
            undisturbed(STAGES[name], work)
    room = work / "disk"  # mounted above the output, so that the output itself may be made and replaced
    target, out = room / stage.name, work / "found"
    for folder in (room, out):
        shutil.rmtree(folder, ignore_errors=True)
    room.mkdir()
    run_whole(stage, work, target)
    expected = contents(target)
    shutil.rmtree(target)
    size = max(4096, round(share * sum(-(-len(content) // 4096) * 4096 for content in expected.values())))
    words = command(stage, work, target)
    first, second = (f"{shlex.join(words)} >'{work}/said{run}' 2>&1; echo $? >'{work}/status{run}'" for run in (1, 2))
    script = (
        f"mount -t tmpfs -o size={size} tmpfs '{room}' || exit 97\n{first}\n"
        f"mount -o remount,size=256m '{room}'\n{second}\ncp -a '{target}' '{out}'\n"
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, env=_environment(),
                          check=False)  # fmt: skip
    if done.returncode == 97 or "unshare:" in done.stderr:
        raise PermissionError("this machine lets nobody mount a small file system")
    said = [(work / f"said{run}").read_text().strip().splitlines() for run in (1, 2)]
    status = [(work / f"status{run}").read_text().strip() for run in (1, 2)]
    if status[0] not in ("1", "2") or not said[0] or "No space left on device" not in said[0][-1]:
        return f"the full disk ended it with status {status[0]} and: {' / '.join(said[0][-3:])}"
    if any("Traceback" in line for line in said[0]) or len(said[0][-1]) > 300:
        return f"the full disk is not said in one line: {' / '.join(said[0][:3])}"
    if status[1] != "0":
        return f"the run with room ended with status {status[1]}: {' / '.join(said[1][-3:])}"
    return _compare(expected, contents(out))


def _compare(expected: Mapping[str, bytes], found: Mapping[str, bytes]) -> str:
    # A training log says how fast each step was; that is the one thing that may differ.
    clocked = {"train.jsonl"}
    for name in {**expected, **found}:
        if name not in found:
            return f"{name} is missing"
        if name not in expected:
            return f"{name} is left over"
        if expected[name] != found[name] and name not in clocked:
            return f"{name} differs"
    return ""


def _kill_within(words: list[str], seconds: float) -> None:
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(words, stdout=quiet, stderr=quiet, env=_environment(), start_new_session=True)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def main() -> int:
    """Returns 1 where a stage did not come back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", choices=[*STAGES, []], help="all where none is named")
    parser.add_argument("--work", required=True, type=Path, help="a folder that this may fill and empty")
    parser.add_argument("--kills", type=int, default=20, help="of each stage (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--full-disk", action="store_true", help="fill the disk instead of killing")
    args = parser.parse_args()
    work, status = args.work.resolve(), 0
    make_inputs(work)
    for name in args.stages or STAGES:
        if args.full_disk:
            said = full_disk(STAGES[name], work)
            status |= bool(said)
            print(f"{name}: full disk: {said or 'said in one line, then equal, nothing left over'}", flush=True)
            continue
        said = difference(STAGES[name], work, args.kills, args.seed)
        status |= bool(said)
        print(f"{name}: {args.kills} kills: {said or 'equal, nothing left over'}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
