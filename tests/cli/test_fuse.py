"""`speakerssl fuse`: all systems, greedily chosen ones, saved and loaded."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.trials.score_file import read_scored_trials
from tests.cli.conftest import SCORE, TRAIN, call, cosine_scores, refused


def test_fuse_greedy_save_and_load(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    call(capsys, *TRAIN, "--plda")
    call(capsys, *SCORE, "b.npz", "--output", "plda.txt")
    lines = Path("plda.txt").read_text().splitlines()
    Path("plda.txt").write_text("\n".join(lines[::-1]) + "\n")
    noise = np.random.default_rng(0).standard_normal(len(lines))
    Path("noise").write_text("".join(f"{' '.join(x.split()[:2])} {n:.4f}\n" for x, n in zip(lines, noise)))
    common = ("fuse", "--scores", "cosine.scores", "plda.txt", "noise")
    all_three = call(capsys, *common, "--trials", "trials", "--cross-validate", "--output", "all")
    greedy = call(capsys, *common, "--trials", "trials", "--greedy", "--cross-validate", "--min-gain", "0.01",
                  "--save", "f.json", "--output", "g")  # fmt: skip
    alone = {
        name: call(capsys, "calibrate", "--scores", path, "--trials", "trials", "--cross-validate", "--output", "x")
        for name, path in (("cosine", "cosine.scores"), ("plda", "plda.txt"), ("noise", "noise"))
    }
    first = next(iter(greedy["weights"]))
    assert first == min(alone, key=lambda name: float(alone[name]["cllr_bits"]))
    assert greedy["greedy_bits"][first] == pytest.approx(alone[first]["cllr_bits"], abs=1e-6)
    assert "noise" not in greedy["weights"]
    assert abs(greedy["cllr_bits"] - all_three["cllr_bits"]) < 0.05
    fitted = call(
        capsys, "fuse", "--scores", "noise", "plda=plda.txt", "cosine.scores", "--load", "f.json", "--output", "h"
    )
    assert fitted["trials"] == 1770
    scored = read_scored_trials("h", "trials")
    assert len(scored) == 1770


def test_two_systems_of_one_name_are_refused(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    words = ("fuse", "--scores", "cosine.scores", "cosine.scores", "--trials", "trials", "--save", "m")
    assert "two systems are named" in refused(capsys, *words)
    assert not Path("m").exists()
