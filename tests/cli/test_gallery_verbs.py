"""calibrate-model, verify, enrol, identify and gallery, as typed."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speakerssl.cli.main import main
from speakerssl.embeddings.model import save_model
from speakerssl.embeddings.model_dir import build_model

RATE = 16000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    config = {"features": {"kind": "fbank", "num_mel_bins": 40}, "encoder": {"name": "small_tdnn", "channels": 16}}
    _, encoder = build_model(config, "test")
    path = tmp_path_factory.mktemp("model")
    save_model(path, config, encoder)
    return str(path)


@pytest.fixture
def voices(tmp_path: Path) -> dict[str, str]:
    """Three takes of two buzzing voices."""
    rng, found = np.random.default_rng(0), {}
    for name, pitch in (("ana", 110), ("ben", 290)):
        for take in range(3):
            time = np.arange(2 * RATE) / RATE
            wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20)) * (1.2 + np.sin(20 * time))
            path = tmp_path / f"{name}{take}.wav"
            soundfile.write(path, 0.1 * wave + 0.003 * rng.standard_normal(len(time)), RATE)
            found[f"{name}{take}"] = str(path)
    return found


def test_from_scores_to_decisions(model: str, voices: dict[str, str], tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(0.9, 0.05, 200), rng.normal(0.1, 0.05, 200)])
    rows = [f"a/{n} b/{n} {score:.6f} {'target' if n < 200 else 'nontarget'}\n" for n, score in enumerate(scores)]
    (tmp_path / "scores").write_text("".join(rows))
    options = ["--model", model]
    assert main(["calibrate-model", *options, "--scores", str(tmp_path / "scores"), "--trained-on", "made ones"]) == 0
    assert "calibrated on 400 trials (made ones)" in capsys.readouterr().out
    assert main(["verify", *options, voices["ana0"], voices["ana0"]]) == 0
    assert "same speaker: cosine 1.0000" in capsys.readouterr().out
    status = main(["verify", *options, voices["ana0"], voices["ben0"], "--threshold", "0.99999", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (status, found["same"], found["calibrated_on"]) == (1, False, "made ones")
    book = str(tmp_path / "staff.db")
    for name in ("ana", "ben"):
        recordings = [voices[f"{name}{take}"] for take in (0, 1)]
        assert main(["enrol", *options, "--gallery", book, "--name", name, *recordings]) == 0
    capsys.readouterr()
    status = main(["identify", *options, "--gallery", book, voices["ben2"], voices["ana2"], "--json", "--top", "2"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 0
    assert [item["name"] for item in found] == ["ben", "ana"]
    assert main(["identify", *options, "--gallery", book, voices["ben2"], "--threshold", "1.5"]) == 1
    assert "unknown" in capsys.readouterr().out


def test_looking_after_a_gallery(model: str, voices: dict[str, str], tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    book = str(tmp_path / "staff.db")
    assert main(["enrol", "--model", model, "--gallery", book, "--name", "ana", voices["ana0"]]) == 0
    assert main(["gallery", "rename", book, "ana", "Ana Lima"]) == 0
    capsys.readouterr()
    assert main(["gallery", "list", book, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "Ana Lima"
    assert main(["gallery", "export", book, str(tmp_path / "out.npz")]) == 0
    assert np.load(tmp_path / "out.npz")["sources"].tolist() == [voices["ana0"]]
    assert main(["gallery", "forget", book, "Ana Lima"]) == 0
    assert main(["gallery", "forget", book, "Ana Lima"]) == 2
    assert "no speaker 'Ana Lima'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["identify", "--gallery", "none.db", "x.wav"], "none.db: does not exist"),
        (["verify", "none.wav", "none.wav"], "none.wav"),
        (["calibrate-model", "--scores", "none", "--trained-on", "x"], "none: cannot be read"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, model: str, capsys) -> None:  # type: ignore[no-untyped-def]
    assert main([*words, "--model", model]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
