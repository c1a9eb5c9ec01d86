"""`speakerssl card`, as typed."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "config.yaml").write_text("features: {}\nencoder: {name: xvector}\n")
    rng, rows, trials = np.random.default_rng(0), [], []
    for a in range(12):
        for b in range(a):
            same = a // 2 == b // 2
            rows.append(f"u{a} u{b} {rng.normal(2.0 * same):.4f}\n")
            trials.append(f"{int(same)} u{a} u{b}\n")
    (tmp_path / "scores").write_text("".join(rows))
    (tmp_path / "trials").write_text("".join(trials))
    (tmp_path / "utt2spk").write_text("".join(f"u{n} s{n // 2}\n" for n in range(12)))
    return tmp_path


def test_numbers_are_those_of_metrics(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = f"{folder}/scores={folder}/trials"
    words = [
        "card",
        "--model",
        f"{folder}/exp",
        "--name",
        "ours",
        "--utt2spk",
        f"{folder}/utt2spk",
        "--bootstrap",
        "50",
    ]
    assert main([*words, "--metric", f"rooms={files}", f"halls={files}"]) == 0
    assert f"card: {folder}/exp/README.md" in capsys.readouterr().out
    assert main([*words, "--metric", f"rooms={files}", "--data", "Radio.", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["list"] for row in said["metrics"]] == ["halls", "rooms"]  # measured again, in the place of the old row
    words = [
        "metrics",
        "--scores",
        f"{folder}/scores",
        "--trials",
        f"{folder}/trials",
        "--utt2spk",
        f"{folder}/utt2spk",
    ]
    assert main([*words, "--bootstrap", "50", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    interval = found["intervals"]["eer_percent"]
    assert said["metrics"][1]["eer_percent"] == [found["eer_percent"], interval["low"], interval["high"]]
    text = (folder / "exp" / "README.md").read_text()
    assert text.count("| rooms |") == 1
    assert "- Radio." in text


def test_mistakes_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "--model", f"{folder}/exp", "--metric", "rooms"]) == 2
    assert "is not NAME=SCORES" in capsys.readouterr().err
    assert main(["card", "--model", str(folder)]) == 2
    assert "is no model folder" in capsys.readouterr().err
