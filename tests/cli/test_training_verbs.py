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


FEATURES = {
    # On steady noise, about half of the frames lie above the mean energy.
    "vad": {"vad": {"energy_threshold": 0, "energy_mean_scale": 1.0, "frames_context": 0, "proportion_threshold": 0.6}},
    "deltas": {"deltas": 2, "delta_window": 3},
    "sliding": {"cmn": "sliding", "cmn_window": 50},
    "torchaudio_mel": {"kind": "torchaudio_mel", "preemphasis_coefficient": 0.97},
}


@pytest.mark.parametrize("name", FEATURES)
def test_features_reach_training_and_extraction(name, data, config, tmp_path, capsys) -> None:
    tree = yaml.safe_load(config.read_text())
    for chosen, features in (("plain", {}), (name, FEATURES[name])):
        tree["features"] = {"num_mel_bins": 24, **features}
        config.write_text(yaml.safe_dump(tree))
        settings = ["--config", config, "--set", f"data.train=[{data}]", "--set", "augment={}"]
        call(capsys, "train", *settings, "--output", tmp_path / chosen)
        call(capsys, "extract", "--model", tmp_path / chosen, "--data", data, "--output", tmp_path / chosen / "e")
    plain, other = (np.load(tmp_path / chosen / "e" / "xvector.npz")["embeddings"] for chosen in ("plain", name))
    assert other.shape == plain.shape
    assert np.isfinite(other).all()
    assert np.abs(other - plain).max() > 1e-3
    assert yaml.safe_load((tmp_path / name / "config.yaml").read_text())["features"] == tree["features"]


SPEECH = "{energy_threshold: 0, energy_mean_scale: 1.0, frames_context: 0, proportion_threshold: 0.6}"


def test_a_store_holds_frames_of_speech_alone(data, config, tmp_path, capsys) -> None:
    lengths = {}
    for name, vad in (("all", "false"), ("speech", SPEECH)):
        call(capsys, "features", "--config", config, "--set", f"features.vad={vad}", "--data", data, "--copies", 1,
             "--jobs", 1, "--output", tmp_path / name)  # fmt: skip
        lengths[name] = np.diff(np.load(tmp_path / name / "index.npz")["offsets"])
    assert (lengths["speech"] < lengths["all"]).all()


def test_dry_run_says_what_a_run_would_do(data, config, tmp_path, capsys) -> None:
    settings = ["--config", config, "--set", f"data.train=[{data}]", "--set", "training={batch_size: 4, epochs: 5}"]
    assert main(["train", *map(str, settings), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "steps an epoch   2" in printed
    assert "steps            10 (5 epochs)" in printed
    assert "learning rate    0.001 at 0, 0.001 at 2, 0.001 at 4, 0.001 at 7, 0.001 at 9" in printed
    assert "anchors a step   8, each with 1 positives and 6 negatives" in printed
    described = call(capsys, "train", *settings, "--dry-run", "--set", "loss.symmetry=one_direction")
    assert (described["anchors"], described["negatives"]) == (4, 3)
    assert not (tmp_path / "x").exists()


def test_a_row_of_a_configuration_is_trained(data, config, tmp_path, capsys) -> None:
    top = tmp_path / "rows.yaml"
    top.write_text(f"base: {config.name}\ndata: {{train: [{data}]}}\nrows: {{Losses: {{am: {{loss.margin: 0.2}}}}}}\n")
    model = call(capsys, "train", "--config", top, "--row", "am", "--output", tmp_path / "am")
    stored = yaml.safe_load((Path(model["model"]) / "config.yaml").read_text())
    assert stored["loss"] == {"temperature": 0.1, "margin": 0.2}
    assert "rows" not in stored


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table", "--exp", "x", "--systems", "a", "--lists", "nolist"], "--lists nolist: expected NAME=TRIALS"),
        (["floor", "--data", "nowhere", "--output", "x"], "nowhere: is not a directory"),
        (["validation", "--data", "nowhere", "--output", "x"], "nowhere"),
        (["train", "--config", "none.yaml", "--output", "x"], "none.yaml: cannot be read"),
        (["features", "--config", "none.yaml", "--data", "x", "--output", "y"], "none.yaml: cannot be read"),
        (
            ["features", "--config", "c", "--data", "x", "--output", "y", "--jobs", "-1"],
            "--jobs is -1; it must be 0 or",
        ),
        (["features", "--config", "c", "--data", "x", "--output", "y", "--copies", "-1"], "--copies is -1"),
        (["validation", "--data", "x", "--output", "y", "--jobs", "-1"], "--jobs is -1"),
        (["train", "--config", "c", "--output", "x", "--processes", "0"], "--processes is 0; it must be 1 or more"),
        (["train", "--config", "c"], "--output: name the directory"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_device_that_is_none_is_refused(data, config, tmp_path, capsys) -> None:
    settings = ["--config", str(config), "--set", f"data.train=[{data}]", "--output", str(tmp_path / "x")]
    for device, message in (
        ("nonsense", "--device 'nonsense' is unknown; the known ones are: auto"),
        ("cuda:99", "GPUs"),
    ):
        assert main(["train", *settings, "--device", device]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_validation_without_a_list_to_leave_out_is_refused(data, config, tmp_path, capsys) -> None:
    call(capsys, "validation", "--data", data, "--output", tmp_path / "v", "--num-recordings", 4, "--min-half", 0.5,
         "--jobs", 1)  # fmt: skip
    settings = ["--config", config, "--set", f"data.train=[{data}]", "--output", tmp_path / "x"]
    assert main(["train", *map(str, settings), "--set", "training.select=best"]) == 2
    assert "'best' needs validation trials" in capsys.readouterr().err
    settings += ["--set", f"validation.data={tmp_path}/v", "--set", f"validation.trials={tmp_path}/v/trials"]
    nothing = tmp_path / "nothing"
    nothing.write_text("")
    for extra, message in (
        ([], "'data.exclude' is missing"),
        ([f"data.exclude={nothing}"], "leaves them in"),
    ):
        words = [word for override in extra for word in ("--set", override)]
        assert main(["train", *map(str, settings), *words]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    call(capsys, "train", *settings, "--set", f"data.exclude={tmp_path}/v/recordings", "--set", "augment={}")
