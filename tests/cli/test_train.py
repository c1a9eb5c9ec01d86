"""`speakerssl train`: features of every kind, a dry run, rows of a configuration, mistakes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from speakerssl.cli.main import main
from tests.cli.conftest import call

FEATURES: dict[str, dict[str, Any]] = {
    # On steady noise, about half of the frames lie above the mean energy.
    "vad": {"vad": {"energy_threshold": 0, "energy_mean_scale": 1.0, "frames_context": 0, "proportion_threshold": 0.6}},
    "deltas": {"deltas": 2, "delta_window": 3},
    "sliding": {"cmn": "sliding", "cmn_window": 50},
    "torchaudio_mel": {"kind": "torchaudio_mel", "preemphasis_coefficient": 0.97},
}


@pytest.mark.parametrize("name", FEATURES)
def test_features_reach_training_and_extraction(name, data, config, tmp_path, capsys) -> None:
    tree = yaml.safe_load(config.read_text())
    for chosen, features in {"plain": {}, name: FEATURES[name]}.items():
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


def test_cached_gradients_a_frozen_model_and_several_heads(data, config, tmp_path, capsys) -> None:
    settings = ["--config", config, "--set", f"data.train=[{data}]", "--set", "augment={}"]
    call(capsys, "train", *settings, "--init-only", "--output", tmp_path / "frozen")
    heads = "{name: multi_head, multi_head: {dim: 8, heads: 2, hidden_dim: 8, out_dim: 4}}"
    runs = {
        "cached": ["training.grad_cache={chunk: 2}"],
        "dclr": ["loss.negatives={name: dclr, threshold: 0.5}", f"loss.reference={tmp_path}/frozen"],
        "heads": [f"loss={heads}"],
    }
    for name, overrides in runs.items():
        words = [word for override in [*overrides, "training.log_every=1"] for word in ("--set", override)]
        model = call(capsys, "train", *settings, *words, "--output", tmp_path / name)
        rows = [json.loads(line) for line in (tmp_path / name / "train.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows] == [1, 2]
        assert np.isfinite([row["loss"] for row in rows]).all()
        call(capsys, "extract", "--model", model["model"], "--data", data, "--output", tmp_path / name / "e")
    for override, message in (
        ("training.grad_cache={chunks: 2}", "unknown key 'chunks'"),
        ("loss.negatives={name: dclr, threshold: 0.5}", "dclr needs `reference` embeddings"),
        ("loss={name: multi_head}", "the key 'dim' is missing"),
    ):
        assert main(["train", *map(str, settings), "--set", override, "--output", str(tmp_path / "x")]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
        assert len(error) < 300


def test_labels_are_read_only_where_they_are_asked_for(data, config, tmp_path, capsys, monkeypatch) -> None:
    """A utt2spk that nobody could read lies beside the recordings: no verb before the evaluation opens it."""
    for name in ("utt2spk", "spk2utt"):
        (tmp_path / "train" / name).mkdir(parents=True)  # to open it would be an error
    (tmp_path / "train" / "wav.scp").write_text((data / "wav.scp").read_text())
    train, valid, store = tmp_path / "train", tmp_path / "v", tmp_path / "store"
    call(
        capsys, "validation", "--data", train, "--output", valid, "--num-recordings", 4, "--min-half", 0.5, "--jobs", 1
    )
    leave_out = ["--exclude", valid / "recordings", "--copies", 1, "--jobs", 1]
    call(
        capsys,
        "features",
        "--config",
        config,
        "--data",
        train,
        *leave_out,
        "--copies",
        1,
        "--jobs",
        1,
        "--output",
        store,
    )
    settings = ["--config", config, "--set", f"data.train=[{train}]", "--set", f"data.exclude={valid}/recordings"]
    call(capsys, "train", *settings, "--set", "augment={}", "--output", tmp_path / "audio")
    call(capsys, "train", *settings, "--set", f"data.store=[{store}]", "--output", tmp_path / "stored")
    words = [*settings, "--set", "augment={}", "--set", "training.report_labels=true", "--output", tmp_path / "labels"]
    assert main(["train", *map(str, words)]) == 2
    assert "utt2spk" in capsys.readouterr().err


def test_a_row_of_a_configuration_is_trained(data, config, tmp_path, capsys) -> None:
    top = tmp_path / "rows.yaml"
    top.write_text(f"base: {config.name}\ndata: {{train: [{data}]}}\nrows: {{Losses: {{am: {{loss.margin: 0.2}}}}}}\n")
    model = call(capsys, "train", "--config", top, "--row", "am", "--output", tmp_path / "am")
    stored = yaml.safe_load((Path(model["model"]) / "config.yaml").read_text())
    assert stored["loss"] == {"temperature": 0.1, "margin": 0.2}
    assert "rows" not in stored


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "none.yaml", "--output", "x"], "none.yaml: cannot be read"),
        (["--config", "c", "--output", "x", "--processes", "0"], "--processes is 0; it must be 1 or more"),
        (["--config", "c"], "--output: name the directory"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
