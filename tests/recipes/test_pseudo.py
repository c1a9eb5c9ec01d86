"""Pseudo-label recipes: iterations on made voices, the stop, what a wrong start says, and the configurations."""

import json
import subprocess
from pathlib import Path

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
    assert "| 2 | 100 | 7 | 0.5 | 0.5 |" in (tmp_path / "iterations.md").read_text()


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
