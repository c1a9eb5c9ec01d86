"""`speakerssl compare`: differences of two systems on the same trials."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from tests.cli.conftest import call


def test_intervals_and_comparison(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output"]
    call(capsys, *common, "good")
    rng = np.random.default_rng(0)
    lines = Path("good").read_text().splitlines()
    Path("bad").write_text(
        "".join(f"{line} \n".replace(line.split()[2], str(rng.random())) for line in reversed(lines))
    )
    summary = call(capsys, "metrics", "--scores", "good", "--trials", "list_a.txt", "--bootstrap", "50", "--seed", "3")
    for name in ("eer_percent", "min_dcf", "cllr", "auc"):
        interval = summary["intervals"][name]
        assert interval["low"] <= summary[name] <= interval["high"]
    assert summary["bootstrap"] == {"replicates": 50, "seed": 3, "level": 0.95}
    arguments = ["compare", "--scores", "good", "bad", "--trials", "list_a.txt", "--bootstrap", "100"]
    found = call(capsys, *arguments)
    assert found["differences"]["eer"]["p_value"] < 0.05
    assert found["differences"]["eer"]["low"] > 0
    assert found["differences"]["eer"]["first"] == pytest.approx(summary["eer_percent"] / 100)
    assert main(arguments) == 0
    assert "difference = second - first" in " ".join(capsys.readouterr().out.split())


def test_comparison_on_what_both_scored(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output"]
    call(capsys, *common, "all")
    lines = Path("all").read_text().splitlines(keepends=True)
    Path("one").write_text("".join(lines[:-2]))
    Path("two").write_text("".join(lines[3:]))
    arguments = ["compare", "--scores", "one", "two", "--trials", "list_a.txt", "--bootstrap", "5"]
    assert main(arguments) == 2
    capsys.readouterr()
    found = call(capsys, *arguments, "--skip-missing")
    assert (found["trials"], found["skipped"]) == (1765, 5)
    assert found["differences"]["eer"]["difference"] == 0
