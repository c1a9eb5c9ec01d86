"""RESULTS.md of the main recipe: what it says is what the scores say."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.scripts import ROOT, load_script

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
            for name in ("valid", *(f"{name}{suffix}" for name in LISTS for suffix in SUFFIXES)):
                wins = (name.startswith("trials_H") and system == "floor") or (name == "valid" and system == "snt_xent")
                scores = (gap + 3 * wins) * labels + rng.standard_normal(len(labels))
                (folder / f"{name}.txt").write_text("".join(f"a b{i} {score}\n" for i, score in enumerate(scores)))
    (tmp_path / "base.yaml").write_text("features: {kind: fbank}\n")
    words = ["--exp", tmp_path / "exp", "--systems", *GAPS, "--lists", *(f"{n}={tmp_path / 'trials'}" for n in LISTS)]
    words += ["--validation", tmp_path / "trials"]
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


def test_the_row_that_validation_chooses_is_not_the_best_of_the_list(writer: ModuleType, tmp_path: Path) -> None:
    writer.main()
    text = " ".join((tmp_path / "RESULTS.md").read_text().split())
    assert "Validation trials without labels choose snt_xent by cosine" in text
    said = text.split("choose snt_xent by cosine")[1].split(" x the untrained")[0]
    row = text.split("| snt_xent | 2 |")[1]  # of the first table, by cosine
    eer = float(row.split("|")[2].split()[0])
    assert f"which has {eer:.2f} % on the cross-channel list" in said


def test_missing_scores_are_named(writer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exp" / "snt_xent-s1" / "scores" / "trials_H-plda.txt").unlink()
    assert writer.main() != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "snt_xent-s1/scores/trials_H-plda.txt" in line
    assert not (tmp_path / "RESULTS.md").exists()
