"""`speakerssl table`, at the end of all verbs that lead to it."""

from pathlib import Path

import pytest

from speakerssl.cli.main import main
from tests.cli.conftest import call


def test_validation_features_train_extract_floor_score_table(data, config, tmp_path, capsys) -> None:
    valid = call(capsys, "validation", "--data", data, "--output", tmp_path / "v", "--num-recordings", 4,
                 "--min-half", 0.5, "--jobs", 1)  # fmt: skip
    assert Path(valid["trials"]).read_text().startswith("1 ")
    store = call(capsys, "features", "--config", config, "--data", data, "--exclude", tmp_path / "v" / "recordings",
                 "--copies", 2, "--jobs", 1, "--output", tmp_path / "store")  # fmt: skip
    assert store == {"store": str(tmp_path / "store"), "recordings": 4, "copies": 3}
    exp = tmp_path / "exp"
    settings = ["--set", f"data.store=[{tmp_path}/store]", "--config", config]
    for name, extra in (("am-s0", []), ("am-s1", ["--set", "training.seed=1"]), ("untrained", ["--init-only"])):
        model = call(capsys, "train", *settings, *extra, "--output", exp / name)
        assert (Path(model["model"]) / "model.safetensors").exists()
        call(capsys, "extract", "--model", exp / name, "--data", tmp_path / "v", "--output", exp / name / "e")
    floor = call(capsys, "floor", "--data", tmp_path / "v", "--output", exp / "floor" / "e")
    assert floor["recordings"] == 8
    for name in ("am-s0", "am-s1", "untrained", "floor"):
        scores = exp / name / "scores" / "valid.txt"
        call(capsys, "score", "--embeddings", exp / name / "e" / "xvector.scp", "--trials", valid["trials"],
             "--output", scores)  # fmt: skip
        assert scores.exists()
    table = call(capsys, "table", "--exp", exp, "--systems", "am", "untrained", "floor",
                 "--lists", f"valid={valid['trials']}", "--markdown", tmp_path / "t.md")  # fmt: skip
    assert len(table["cells"]["am"]["valid"]["eer_percent"]) == 2
    assert "p_target 0.01" in table["definition"]
    assert "| am | 2 |" in (tmp_path / "t.md").read_text()
    metrics = call(capsys, "metrics", "--scores", exp / "floor/scores/valid.txt", "--trials", valid["trials"],
                   "--p-target", 0.05)  # fmt: skip
    assert metrics["eer_percent"] == pytest.approx(table["cells"]["floor"]["valid"]["eer_percent"][0])
    assert 0 <= metrics["min_dcf"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--exp", "x", "--systems", "a", "--lists", "nolist"], "--lists nolist: expected NAME=TRIALS"),
        (["--exp", "x", "--systems", "a", "--lists", "l=none"], "none"),
        (["--exp", "x", "--systems", "a", "--lists", "l=none", "--p-target", "2"], "--p-target is 2.0"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["table", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("y").exists()
