"""RESULTS.md of the main recipe: what it says is what the scores say."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from .conftest import ROOT, load_script

RECIPE = ROOT / "recipes" / "speechocean762"
GAPS = {"snt_xent": 2.0, "multiview_ssps": 3.0, "untrained": 0.5, "floor": 1.0}  # between the means of the two classes
LISTS = ("trials_H", "cross-channel")
SUFFIXES = ("", "-asnorm", "-plda", "-fused")


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """write_results.py, called for scores of two seeds in `tmp_path`."""
    monkeypatch.syspath_prepend(str(RECIPE / "local"))
    rng = np.random.default_rng(0)
    labels = (np.arange(600) % 3 == 0).astype(int)
    (tmp_path / "trials").write_text("".join(f"{label} a b{i}\n" for i, label in enumerate(labels)))
    for system, gap in GAPS.items():
        for seed in range(2):
            folder = tmp_path / "exp" / f"{system}-s{seed}" / "scores"
            folder.mkdir(parents=True)
            for name in (f"{name}{suffix}" for name in LISTS for suffix in SUFFIXES):
                floor_wins = 3 if name.startswith("trials_H") and system == "floor" else 0
                scores = (gap + floor_wins) * labels + rng.standard_normal(len(labels))
                (folder / f"{name}.txt").write_text("".join(f"a b{i} {score}\n" for i, score in enumerate(scores)))
    (tmp_path / "base.yaml").write_text("features: {kind: fbank}\n")
    words = ["--exp", tmp_path / "exp", "--systems", *GAPS, "--lists", *(f"{n}={tmp_path / 'trials'}" for n in LISTS)]
    words += ["--steps", 600, "--copies", 6, "--config", tmp_path / "base.yaml", "--output", tmp_path / "RESULTS.md"]
    monkeypatch.setattr(sys, "argv", ["write_results.py", *map(str, words)])
    return load_script(RECIPE / "local" / "write_results.py")


def test_the_results_say_who_wins_where(writer: ModuleType, tmp_path: Path) -> None:
    assert writer.main() == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert "600 steps a run, the same for every row" in text
    assert "Not in this run: nt_xent, snt_xent_am, snt_xent_aam, multiview_ssps_nt_xent" in text
    said = {line.split(":")[0][2:]: line for line in text.splitlines() if ": the best is" in line}
    assert set(said) == {f"{name}{suffix}" for name in LISTS for suffix in SUFFIXES}
    for name, line in said.items():
        assert "the best is multiview_ssps with" in line
        assert ("**loses to the floor**" in line) == name.startswith("trials_H")
    assert "features: {kind: fbank}" in text


def test_the_ratios_are_those_of_the_table(writer: ModuleType, tmp_path: Path) -> None:
    writer.main()
    text = (tmp_path / "RESULTS.md").read_text()
    table = text.split("Cosine:\n")[1].split("Cosine with")[0]
    cells = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.startswith("| ")]
    column = cells[0].index("cross-channel EER %")
    means = {row[1]: float(row[column].split()[0]) for row in cells[2:]}
    (line,) = [line for line in text.splitlines() if line.startswith("- cross-channel: ")]
    for base in ("untrained", "floor"):
        ratio = float(line.split(f" x {base}")[0].split()[-1])
        assert ratio == pytest.approx(means["multiview_ssps"] / means[base], abs=2e-3)


def test_missing_scores_are_named(writer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exp" / "snt_xent-s1" / "scores" / "trials_H-plda.txt").unlink()
    assert writer.main() != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "snt_xent-s1/scores/trials_H-plda.txt" in line
    assert not (tmp_path / "RESULTS.md").exists()
