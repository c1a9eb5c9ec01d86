"""Every row of the study is a configuration that trains: one step on noise moves the encoder."""

import json
import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.config import load_config
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.methods import Batch, build_method
from tests.scripts import ROOT, load_script

RECIPE = ROOT / "recipes" / "speechocean762"
REQUIRED = {"nt_xent", "snt_xent", "snt_xent_am", "snt_xent_aam", "moco", "dino", "ssps", "vicreg", "dcl", "adaface"}


settings = load_script(RECIPE / "local" / "settings.py")
ROWS = settings.row_names()


def test_the_rows_are_those_that_the_study_promises():
    assert len(ROWS) == len(set(ROWS))
    assert set(ROWS) >= REQUIRED


@pytest.mark.parametrize("row", ROWS)
def test_a_row_trains(row: str):
    torch.manual_seed(0)
    config = load_config(settings.ROWS, ["data.store=[exp/store]"], row)
    encoder: Any = build_encoder(**{"feat_dim": 64, **config.encoder, "channels": 8})
    method = build_method(encoder, config.method, config.loss)
    views = [torch.randn(64, 40, 64) for _ in range(config.views.num_global + config.views.num_local)]
    output = method(Batch(views, torch.arange(64)), 0)
    output.loss.backward()
    assert torch.isfinite(output.loss)
    stem = encoder.stem.weight.grad
    assert stem is not None
    assert torch.isfinite(stem).all()
    assert stem.abs().max() > 0


def test_an_unknown_row_lists_the_rows():
    with pytest.raises(InputError, match=r"no row 'mocco'; the rows are: nt_xent, .*moco"):
        load_config(settings.ROWS, row="mocco")


def test_rows_are_checked_before_anything_runs(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["settings.py", "--check", "dcl", "mocco"])
    assert settings.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no row 'mocco'" in line
    monkeypatch.setattr(sys, "argv", ["settings.py", "--check", "dcl", "moco"])
    assert settings.main() == 0
    assert capsys.readouterr().out == ""


def test_the_papers_losses_are_the_first_group(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["settings.py", "--paper"])
    assert settings.main() == 0
    assert capsys.readouterr().out.split() == ["nt_xent", "snt_xent", "snt_xent_am", "snt_xent_aam"]


def test_the_main_recipe_runs_each_loss_on_both_kinds_of_views(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["settings.py", "--main"])
    assert settings.main() == 0
    rows = capsys.readouterr().out.split()
    configs = [load_config(settings.ROWS, row=row) for row in rows]
    losses = [json.dumps(config.loss, sort_keys=True) for config in configs]
    assert rows[:4] == settings.paper_losses()
    assert len(set(losses)) == 4
    assert sorted(losses[:4]) == sorted(losses[4:])
    assert [(config.method["name"], config.views.num_local) for config in configs] == (
        4 * [("simclr", 0)] + 4 * [("multiview", 2)]
    )


def test_a_wrong_option_is_refused_before_anything_runs(recipe):
    result = recipe("speechocean762/ssl_study", "--paper", "maybe")
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "--paper wants true or false, not 'maybe'" in line


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, list[str]]:
    """write_study.py and its arguments for scores in which `ssps` is better than the rest by a wide margin."""
    monkeypatch.syspath_prepend(str(RECIPE / "local"))
    rng = np.random.default_rng(0)
    names = [f"s{speaker:02d}-{number}" for speaker in range(30) for number in range(2)]
    pairs = [(int(a[:3] == b[:3]), a, b) for i, a in enumerate(names) for b in names[:i]]
    (tmp_path / "trials").write_text("".join(f"{label} {a} {b}\n" for label, a, b in pairs))
    (tmp_path / "utt2spk").write_text("".join(f"{name} {name[:3]}\n" for name in names))
    rows = ["nt_xent", "snt_xent", "snt_xent_am", "snt_xent_aam", "ssps"]
    for row in (*rows, "untrained", "floor"):
        for seed in range(2):
            folder = tmp_path / "exp" / f"{row}-s{seed}" / "scores"
            folder.mkdir(parents=True)
            scores = [label * (5 if row == "ssps" else 1) + rng.standard_normal() for label, _, _ in pairs]
            lines = "".join(f"{a} {b} {score}\n" for (_, a, b), score in zip(pairs, scores))
            for name in ("cross-channel", "cross-channel-fused"):
                (folder / f"{name}.txt").write_text(lines)
    systems = [*rows, "untrained", "floor"]
    arguments = ["--exp", tmp_path / "exp", "--trials", tmp_path / "trials", "--utt2spk", tmp_path / "utt2spk"]
    arguments += ["--steps", 900, "--runs", tmp_path / "runs.npz", "--output", tmp_path / "RESULTS.md"]
    return load_script(RECIPE / "local" / "write_study.py"), [str(word) for word in (*arguments, "--systems", *systems)]


def test_the_study_says_what_differs_beyond_chance(study, tmp_path: Path, monkeypatch, capsys):
    module, arguments = study
    monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments])
    assert module.main() == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert f"results: {tmp_path / 'RESULTS.md'}" in capsys.readouterr().out
    assert "- cross-channel: ssps beats SNT-Xent-AM: **holds** (ssps - snt_xent_am: -" in text
    assert "- cross-channel-fused: the best row beats the best of the paper's losses: **holds**" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| ssps |")]
    assert float(row.split("|")[5]) < 0.01
    assert "| **Nothing trained** |" in text
    assert any(line.startswith(f"| floor | {date.today().isoformat()} | 2 |") for line in text.splitlines())
    (paper,) = [line for line in text.splitlines() if line.startswith("| nt_xent |")]
    assert float(paper.split("|")[5]) > 0.01


def test_notes_come_after_the_table(study, tmp_path: Path, monkeypatch):
    module, arguments = study
    (tmp_path / "notes.md").write_text("## What changed\n")
    first = arguments.index("--systems")
    words = [*arguments[:first], "--notes", str(tmp_path / "notes.md"), *arguments[first:]]
    monkeypatch.setattr(sys, "argv", ["write_study.py", *words])
    assert module.main() == 0
    assert (tmp_path / "RESULTS.md").read_text().endswith("\n\n## What changed\n")


def test_a_row_without_scores_is_named(study, monkeypatch, capsys):
    module, arguments = study
    monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments, "dino"])
    assert module.main() == 2
    assert "dino/scores: does not exist" in capsys.readouterr().err


def test_a_study_run_in_parts_is_that_of_one_run(study, tmp_path: Path, monkeypatch, capsys):
    module, arguments = study
    first = arguments.index("--systems") + 1
    monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments])
    assert module.main() == 0
    whole = (tmp_path / "RESULTS.md").read_text()
    (tmp_path / "runs.npz").unlink()
    for part in (["snt_xent", "floor", "ssps"], ["untrained", "nt_xent"], ["snt_xent_aam", "snt_xent_am"]):
        monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments[:first], *part])
        assert module.main() == 0
    assert (tmp_path / "RESULTS.md").read_text() == whole
    assert "left out" not in capsys.readouterr().err


def test_rows_of_another_budget_do_not_stand_in_one_table(study, tmp_path: Path, monkeypatch, capsys):
    module, arguments = study
    first = arguments.index("--systems") + 1
    monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments])
    assert module.main() == 0
    arguments[arguments.index("900")] = "600"
    monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments[:first], "snt_xent"])
    assert module.main() == 0
    assert "runs.npz: its rows are left out, of other conditions (900 steps" in capsys.readouterr().err
    assert "| ssps |" not in (tmp_path / "RESULTS.md").read_text()


def test_rows_need_the_one_they_are_compared_with(study, tmp_path: Path, monkeypatch, capsys):
    module, arguments = study
    monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments[: arguments.index("--systems") + 1], "ssps"])
    assert module.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "runs.npz: has no row snt_xent" in line
    assert not (tmp_path / "runs.npz").exists()


@pytest.mark.parametrize("content", [b"", b"text", "archive"])
def test_a_file_that_holds_no_rows_is_named(study, tmp_path: Path, monkeypatch, capsys, content):
    module, arguments = study
    if isinstance(content, bytes):
        (tmp_path / "runs.npz").write_bytes(content)
    else:
        np.savez(tmp_path / "runs.npz", rows=np.array(["ssps"]))
    monkeypatch.setattr(sys, "argv", ["write_study.py", *arguments])
    assert module.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "runs.npz: is no file of the study's rows" in line
