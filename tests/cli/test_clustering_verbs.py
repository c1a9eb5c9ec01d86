"""`speakerssl cluster` and `speakerssl clean` from the shell's point of view."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.trials.speakers import read_utt2spk


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """A folder with xvector.scp of 12 made voices of 10 recordings, and utt2spk."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 10)
    points = rng.standard_normal((12, 32))[labels] + 0.5 * rng.standard_normal((120, 32))
    ids = [f"u{i:03d}" for i in range(120)]
    write_embeddings(tmp_path, ids, points)
    (tmp_path / "utt2spk").write_text("".join(f"{key} s{label}\n" for key, label in zip(ids, labels)))
    return tmp_path


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


def test_clean_finds_a_wrong_label_and_writes_the_others(voices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (voices / "utt2spk").read_text().replace("u005 s0", "u005 s7").replace("u050 s5", "u050 s2")
    (voices / "noisy").write_text(text)
    words = ["clean", "--embeddings", str(voices / "xvector.scp"), "--utt2spk", str(voices / "noisy")]
    for method, found in (("aum", {"u005", "u050"}), ("subcentre", {"u005"})):
        assert main([*words, "--method", method, "--output", str(voices / method)]) == 0
        lines = [line.split() for line in (voices / method / "suspect_labels").read_text().splitlines()]
        assert [line[0] for line in lines] == [f"u{i:03d}" for i in range(120)]
        worst = sorted(lines, key=lambda line: -float(line[1]))[:4]
        assert {line[0] for line in worst if line[2] == "1"} >= found
        kept = read_utt2spk(voices / method / "utt2spk")
        assert set(kept) == {line[0] for line in lines if line[2] == "0"}
        assert "labels" in capsys.readouterr().out


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
