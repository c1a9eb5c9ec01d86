"""`speakerssl metrics`: tables with their definitions, published numbers, bad lists."""

from pathlib import Path

import pytest

from speakerssl.cli.main import main
from tests.cli.conftest import call


def test_tables_carry_definitions(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output", "s", "--metrics"]
    assert main(common) == 0
    out = capsys.readouterr().out
    assert out.startswith("s: 1770 scores of list_a.txt\n")
    for word in ("EER %", "minDCF 0.05", "p_target 0.05, c_miss 1, c_fa 1", "Cllr", "ties"):
        assert word in out
    arguments = ["metrics", "--scores", "s", "--trials", "list_a.txt", "--bootstrap", "20", "--slice", "utt2dur"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for word in ("95 % interval", "20 replicates, seed 0", "OPIS", "dur [2", "speakers are drawn with replacement"):
        assert word in out


def test_published_numbers_from_the_command_line(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "published_scores"
    summary = call(
        capsys, "metrics", "--scores", str(folder / "voxsrc2021_val_scores.txt.gz"), "--trials",
        str(folder / "voxsrc2021_val_trials.txt.gz"), "--p-target", "0.05",
    )  # fmt: skip
    assert f"{summary['eer_percent']:.3f}" == "5.177"
    assert f"{summary['min_dcf']:.4f}" == "0.2928"
    assert (summary["targets"], summary["nontargets"], summary["speakers"]) == (29969, 30031, 1251)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": "a b 0.5\na c nan\n"}, "scores:2: the score is nan"),
        ({"trials": "1 a b\n1 a c\n"}, "trials: holds target trials only"),
        ({"trials": "1 a b\n0 a d\n"}, "scores: no score for 'a d' (trials:2; 1 such)"),
        ({"options": ["--p-target", "1.5"]}, "--p-target is 1.5; it must lie between 0 and 1"),
        ({"options": ["--c-fa", "0"]}, "--c-fa is 0.0; it must be above 0"),
        (
            {"options": ["--bootstrap", "10"]},
            "trials: the speaker of 'a' cannot be told from its id; give a file",
        ),
        ({"options": ["--slice", "nowhere"]}, "nowhere: cannot be read"),
        ({"options": ["--bootstrap", "-1"]}, "must not be negative"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: dict, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scores").write_text(change.get("scores", "a b 0.5\na c 0.1\n"))
    Path("trials").write_text(change.get("trials", "1 a b\n0 a c\n"))
    assert main(["metrics", "--scores", "scores", "--trials", "trials", *change.get("options", [])]) == 2
    error = capsys.readouterr().err
    assert error.startswith("speakerssl metrics: ")
    assert message in error
    assert error.count("\n") == 1
