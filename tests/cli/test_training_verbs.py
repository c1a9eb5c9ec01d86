"""The verbs around training from the shell: each says where its output is, as text and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from speakerssl.cli.main import main


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    lines = []
    for number in range(8):
        path = folder / f"{number}.wav"
        soundfile.write(path, 0.1 * np.random.default_rng(number).standard_normal(24000), 16000)
        lines.append(f"u{number} {path}\n")
    (folder / "wav.scp").write_text("".join(lines))
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    tree = {
        "features": {"num_mel_bins": 24},
        "encoder": {"name": "small_tdnn", "channels": 8, "blocks": 1, "aggregate_dim": 8, "embed_dim": 8},
        "method": {"name": "simclr", "projector": None},
        "loss": {"temperature": 0.1},
        "augment": {"equalizer": {"prob": 1.0}},
        "views": {"crop_seconds": 0.5},
        "training": {"batch_size": 4, "steps": 2, "tensorboard": False},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def call(capsys, *arguments: object) -> dict:
    status = main([*map(str, arguments), "--json"])
    assert status == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


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
        (["table", "--exp", "x", "--systems", "a", "--lists", "nolist"], "--lists nolist: expected NAME=TRIALS"),
        (["floor", "--data", "nowhere", "--output", "x"], "nowhere: is not a directory"),
        (["validation", "--data", "nowhere", "--output", "x"], "nowhere"),
        (["train", "--config", "none.yaml", "--output", "x"], "none.yaml: cannot be read"),
        (["features", "--config", "none.yaml", "--data", "x", "--output", "y"], "none.yaml: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
