"""`speakerssl cluster`: files that read as utt2spk, a start from an earlier one, mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.decision import Decision, save_decision
from speakerssl.trials.speakers import read_utt2spk


def test_cluster_writes_what_reads_as_an_utt2spk(voices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cluster", "--embeddings", str(voices / "xvector.scp"), "--output", str(voices / "utt2cluster"), "--json"]
    assert main([*words, "--report-labels", str(voices / "utt2spk")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["clusters"] == said["speakers"] == 12
    assert said["nmi"] == pytest.approx(1)
    clusters, truth = read_utt2spk(voices / "utt2cluster"), read_utt2spk(voices / "utt2spk")
    assert len({(clusters[key], truth[key]) for key in truth}) == 12


def test_cluster_goes_on_from_an_earlier_file_and_leaves_small_ones_out(voices: Path) -> None:
    words = ["cluster", "--embeddings", str(voices / "xvector.scp"), "--method", "kmeans", "--clusters", "12"]
    output = str(voices / "c")
    assert main([*words, "--output", output, "--start", str(voices / "utt2spk"), "--smallest", "10"]) == 0
    assert len(read_utt2spk(output)) == 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "hdbscan", "--clusters", "3"], "finds the number of clusters itself"),
        (["--smallest", "99"], "no recording is in a cluster; ask for smaller ones"),
        (["--start", "other"], "other: holds none of the recordings"),
    ],
)
def test_cluster_says_what_is_wrong_in_one_line(
    voices: Path, monkeypatch, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    monkeypatch.chdir(voices)
    Path("other").write_text("x y\n")
    assert main(["cluster", "--embeddings", "xvector.scp", "--output", "c", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("c").exists()


def test_the_threshold_of_a_models_calibration(voices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curve = np.array([0.0, 0.3, 0.9]), np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.1, 0.0])
    save_decision(voices, Decision(20.0, -6.0, *curve, "made", (9, 9)))
    words = ["cluster", "--embeddings", str(voices / "xvector.scp"), "--output", str(voices / "c"), "--json"]
    assert main([*words, "--model", str(voices), "--report-labels", str(voices / "utt2spk")]) == 0
    assert json.loads(capsys.readouterr().out)["purity"] == pytest.approx(1)
    assert main([*words, "--method", "spectral"]) == 0
    assert json.loads(capsys.readouterr().out)["clusters"] == 12


def test_recordings_need_a_model(voices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "--recordings", "a.wav", "--output", str(voices / "a.rttm")]) == 2
    assert "--recordings needs --model" in capsys.readouterr().err
    assert main(["cluster", "--recordings", "a/x.wav", "b/x.wav", "--model", "m", "--output", "o"]) == 2
    assert "have the same name" in capsys.readouterr().err
