"""`speakerssl clean`: wrong labels are found, the others written."""

from pathlib import Path

import pytest

from speakerssl.cli.main import main
from speakerssl.trials.speakers import read_utt2spk


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
