"""Pseudo-label recipes: iterations on made voices, the stop, what a wrong start says, and the configurations."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from speakerssl.config import load_config
from speakerssl.encoders import build_encoder
from speakerssl.methods import Supervised, build_method
from tests.scripts import ROOT, load_script

from .voices import write_voices

QUICK = (
    "training.epochs=1 training.batch_size=8 training.amp=none training.checkpoint_every=1 data.num_workers=0 "
    "validation.every=1 encoder.channels=4 encoder.embed_dim=16 augment.reverb.rooms=2 views.crop_seconds=0.5 "
    "loss.inter_topk=0 schedule.warmup_steps=0"
)
progress = load_script(ROOT / "recipes" / "local" / "pseudo_progress.py")


@pytest.fixture(scope="module")
def voxceleb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train`, eight voices of three recordings with no labels, and `test` with a trial list."""
    root = tmp_path_factory.mktemp("voxceleb")
    for name, speakers in (("train", range(8)), ("test", range(20, 23))):
        write_voices(root / name, speakers, 3)
        (root / name / "trials").rename(root / name / "trials_all")
        (root / name / "utt2spk").rename(root / name / "utt2true")
    return root


def test_iterations_from_a_start_without_training(recipe, voxceleb: Path, tmp_path: Path) -> None:
    words = ["--train", voxceleb / "train", "--test", voxceleb / "test", "--start", "floor", "--work", tmp_path]
    words += ["--clusters", 6, "--iterations", 2, "--num-validation", 6, "--jobs", 1, "--set", QUICK]
    words += ["--report-labels", voxceleb / "train" / "utt2true"]
    result = recipe("voxceleb/pseudo", *words, "--stop-stage", 2)
    assert result.returncode == 0, result.stderr
    exp = tmp_path / "exp" / "floor"
    rows = progress.read_iterations(exp, tmp_path / "data" / "valid" / "trials")
    assert len(rows) >= 2
    assert rows[0]["NMI"] is None
    assert rows[1]["NMI"] > 0
    assert (exp / "best").read_text() == f"iteration-{progress.best_of(rows)}\n"
    assert (exp / "iterations.png").stat().st_size > 1000
    clustered = {line.split()[0] for line in (exp / "iteration-1" / "utt2cluster").read_text().splitlines()}
    held_out = set((tmp_path / "data" / "valid" / "recordings").read_text().split())
    assert len(clustered) == 24 - 6
    assert not clustered & held_out
    if len(rows) == 3:  # the second iteration began with the encoder of the first
        said = result.stderr.replace("\\", "")
        assert f"init_from={exp}/iteration-1" in said
        assert f"method.centres={exp}/iteration-1/train.scp" in said


def test_i_vectors_do_not_see_what_validation_was_cut_from(tmp_path: Path) -> None:
    """`embed` of the sourced helpers, with `run` printing the commands in the place of running them."""
    (tmp_path / "valid").mkdir()
    (tmp_path / "valid" / "recordings").write_text("held\n")
    for name in ("train", "valid"):
        folder = tmp_path / "f" / "embeddings" / name
        folder.mkdir(parents=True)
        (folder / "xvector.scp").write_text("held a.ark:1\nkept a.ark:2\n")
    script = f"""set -euo pipefail
        run() {{ printf '%s ' "$@"; echo; }}; run_past_failures() {{ shift; run "$@"; }}
        train=(train) valid={tmp_path}/valid ivector_options=(--dim 9) jobs=1
        . {ROOT}/recipes/local/pseudo_iterations.sh
        cd {tmp_path}; embed f ivector"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert f"ivector train --data train --exclude {tmp_path}/valid/recordings" in done.stdout
    assert (tmp_path / "f" / "train.scp").read_text() == "kept a.ark:2\n"


def test_the_first_clusters_may_be_those_of_the_feature_statistics(tmp_path: Path) -> None:
    """`iterate` with its steps printed: iteration 1 learns the floor's clusters, iteration 2 those of iteration 1."""
    script = f"""set -euo pipefail
        run() {{ echo "$@"; }}; python() {{ :; }}
        . {ROOT}/recipes/local/pseudo_iterations.sh
        embed() {{ echo embed "$@"; }}; cluster_again() {{ echo cluster "$@"; }}
        exp=exp start=model first_labels=floor iterations=2 conf=c.yaml valid=valid settings=()
        iterate"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    said = [line for line in done.stdout.splitlines() if not line.startswith("speakerssl")]
    assert said[:3] == [
        "embed exp/iteration-0 model",
        "embed exp/first-labels floor",
        "cluster exp/first-labels exp/iteration-1",
    ]
    assert "cluster exp/iteration-1 exp/iteration-2" in said
    assert "training.init_from=model --set method.centres=exp/iteration-0/train.scp" in done.stdout


def test_no_iteration_keeps_the_start(tmp_path: Path) -> None:
    """With `iterations=0` the start is embedded and reported, and nothing is clustered or trained."""
    script = f"""set -euo pipefail
        run() {{ echo "$@"; }}; python() {{ echo report "${{@:2}}"; }}
        . {ROOT}/recipes/local/pseudo_iterations.sh
        embed() {{ echo embed "$@"; }}; cluster_again() {{ echo cluster "$@"; }}
        exp=exp start=model iterations=0 conf=c.yaml valid=valid settings=()
        iterate"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == ["embed exp/iteration-0 model", "report --exp exp --trials valid/trials"]


def test_wrong_first_labels_are_refused(recipe) -> None:
    result = recipe("speechocean762/pseudo", "--first-labels", "guess")
    assert result.returncode == 2
    assert "--first-labels is start, floor or ivector, not 'guess'" in result.stderr


def test_it_stops_when_validation_no_longer_improves(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "trials").write_text("1 a b\n1 c d\n0 a d\n0 c b\n")
    said = []
    for number, scores in enumerate(((1, 0, 0.5, 0.2), (1, 0.6, 0.5, 0.2), (0, 0.1, 0.5, 0.2))):
        folder = tmp_path / f"iteration-{number}" / "scores"
        folder.mkdir(parents=True)
        pairs = ("a b", "c d", "a d", "c b")
        (folder / "valid.txt").write_text("".join(f"{pair} {score}\n" for pair, score in zip(pairs, scores)))
        if number:
            facts = {"clusters": 7, "nmi": 0.5, "purity": 0.25 * number}
            (folder.parent / "clusters.json").write_text(json.dumps(facts))
        monkeypatch.setattr("sys.argv", ["p", "--exp", str(tmp_path), "--trials", str(tmp_path / "trials")])
        said.append(progress.main())
    assert said == [0, 0, progress.STOP]
    assert (tmp_path / "best").read_text() == "iteration-1\n"
    assert "| 2 | 100 | - | 7 | 0.5 | 0.5 |" in (tmp_path / "iterations.md").read_text()


def write_iteration(root: Path, number: int, **scores: tuple[float, ...]) -> None:
    """Scores of the four pairs of the lists `valid` and `across`."""
    folder = root / f"iteration-{number}" / "scores"
    folder.mkdir(parents=True)
    for name, values in scores.items():
        lines = [f"{pair} {value}\n" for pair, value in zip(("a b", "c d", "a d", "c b"), values)]
        (folder / f"{name}.txt").write_text("".join(lines))


def test_an_iteration_must_be_better_on_both_lists(tmp_path: Path, monkeypatch, capsys) -> None:
    """The first is better on one list alone, the second on both; of the third the second list is still missing."""
    (tmp_path / "trials").write_text("1 a b\n1 c d\n0 a d\n0 c b\n")
    good, fair, bad = (1, 0.6, 0.5, 0.2), (1, 0.3, 0.5, 0.2), (0, 0.1, 0.5, 0.2)
    write_iteration(tmp_path, 0, valid=bad, across=fair)
    write_iteration(tmp_path, 1, valid=fair, across=bad)
    write_iteration(tmp_path, 2, valid=good, across=good)
    write_iteration(tmp_path, 3, valid=good)
    words = ["p", "--exp", str(tmp_path), "--trials", str(tmp_path / "trials"), "--across", str(tmp_path / "trials")]
    monkeypatch.setattr("sys.argv", words)
    assert progress.main() == 0
    assert (tmp_path / "best").read_text() == "iteration-2\n"
    assert "| 1 | 50 | 100 | - | - | - |" in capsys.readouterr().out
    rows = progress.read_iterations(tmp_path, tmp_path / "trials", tmp_path / "trials")
    assert len(rows) == 3
    assert progress.best_of(rows[:2]) == 0
    assert progress.best_of(progress.read_iterations(tmp_path, tmp_path / "trials")) == 2
    (tmp_path / "iteration-0" / "scores" / "across.txt").unlink()
    assert progress.main() == 2
    assert "iteration-0/scores/across.txt: does not exist" in capsys.readouterr().err


def write_seeds(root: Path, gains: list[float]) -> list[str]:
    """Arguments of write_pseudo.py for runs whose first iteration moves targets by its gain, the second does not."""
    rng = np.random.default_rng(0)
    names = [f"s{speaker:02d}-{number}" for speaker in range(20) for number in range(2)]
    pairs = [(int(a[:3] == b[:3]), a, b) for i, a in enumerate(names) for b in names[:i]]
    (root / "data").mkdir()
    (root / "data" / "trials").write_text("".join(f"{label} {a} {b}\n" for label, a, b in pairs))
    (root / "data" / "utt2spk").write_text("".join(f"{name} {name[:3]}\n" for name in names))
    runs = []
    for seed, gain in enumerate(gains):
        runs.append(str(root / f"run-s{seed}"))
        start = [label + rng.standard_normal() for label, _, _ in pairs]
        for number, more in enumerate((0.0, gain, 0.0)):
            folder = root / f"run-s{seed}" / f"iteration-{number}" / "scores"
            folder.mkdir(parents=True)
            scored = [(a, b, score + more * label) for (label, a, b), score in zip(pairs, start)]
            for name in ("valid", "cross-channel"):
                (folder / f"{name}.txt").write_text("".join(f"{a} {b} {score}\n" for a, b, score in scored))
        (root / f"run-s{seed}" / "best").write_text("iteration-1\n" if gain > 0 else "iteration-0\n")
    (root / "floor").symlink_to(root / "run-s0" / "iteration-0")
    trials = str(root / "data" / "trials")
    words = ["--start", "snt_xent", "--floor", str(root / "floor"), "--valid", trials]
    words += ["--lists", f"cross-channel={trials}", "--steps", "300"]
    return ["write_pseudo.py", "--runs", *runs, *words, "--output", str(root / "RESULTS.md")]


@pytest.mark.parametrize(("gains", "word"), [([2.0, 2.0], "holds"), ([0.0, 0.0], "not told apart")])
def test_what_iterations_gain_is_told_from_chance(tmp_path: Path, monkeypatch, gains: list[float], word: str) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "recipes" / "speechocean762" / "local"))
    module = load_script(ROOT / "recipes" / "speechocean762" / "local" / "write_pseudo.py")
    monkeypatch.setattr("sys.argv", write_seeds(tmp_path, gains))
    assert module.main() == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert f"- cross-channel: what validation kept beats the start: **{word}** (kept - start: " in text
    rows = {line.split(" | ")[0]: line.split(" | ")[1:] for line in text.splitlines() if line.startswith("| ")}
    assert list(rows) == ["| system", "| ---", "| start", "| iteration 1", "| iteration 2", "| kept", "| floor"]
    assert rows["| iteration 2"][:2] == rows["| start"][:2]
    assert rows["| kept"] == rows["| iteration 1"]


def test_a_seed_without_an_iteration_is_named(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "recipes" / "speechocean762" / "local"))
    module = load_script(ROOT / "recipes" / "speechocean762" / "local" / "write_pseudo.py")
    arguments = write_seeds(tmp_path, [1.0])
    (tmp_path / "run-s1" / "iteration-0").mkdir(parents=True)
    arguments.insert(3, str(tmp_path / "run-s1"))
    monkeypatch.setattr("sys.argv", arguments)
    assert module.main() == 2
    assert "run-s1: has no iteration after the start" in capsys.readouterr().err


def test_a_wrong_start_is_named(recipe, voxceleb: Path, tmp_path: Path) -> None:
    result = recipe("voxceleb/pseudo", "--train", voxceleb / "train", "--test", voxceleb / "test", "--start", "nothing")
    assert result.returncode == 2
    assert "--start 'nothing' is neither a model directory, nor ivector or floor" in result.stderr
    assert recipe("voxceleb/pseudo", "--train", tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("path", "gated"),
    [
        ("speechocean762/pseudo/conf/pseudo.yaml", False),
        ("open_speech/conf/pseudo.yaml", True),
        ("voxceleb/pseudo/conf/resnet34.yaml", True),
    ],
)
def test_the_configurations_build(path: str, gated: bool) -> None:
    config = load_config(ROOT / "recipes" / path, ["training.epochs=1", "training.steps=null"])
    encoder = build_encoder(**{"feat_dim": 80, **config.encoder})
    method = build_method(encoder, config.method, config.loss)
    assert isinstance(method, Supervised)
    assert (method.gate_config is not None) == gated
    assert (method.correction is not None) == path.startswith("voxceleb")  # it takes two views a recording
