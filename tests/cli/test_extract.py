"""`speakerssl extract` as a person (and a recipe) calls it."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speakerssl.cli.main import main
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.embeddings.storage import read_embeddings

CONFIG = {"features": {"kind": "fbank", "num_mel_bins": 24}, "encoder": {"name": "xvector"}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model")
    save_model(path, CONFIG, build_model(CONFIG, "test")[1])
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for key in "abc":
        soundfile.write(folder / f"{key}.wav", rng.integers(-5000, 5000, 16000).astype(np.int16), 16000)
    (folder / "wav.scp").write_text("".join(f"{key} {folder}/{key}.wav\n" for key in "abc"))
    return folder


def call(model: Path, data: Path, output: Path, *more: str) -> int:
    return main(["extract", "--model", str(model), "--data", str(data), "--output", str(output), *more])


def test_the_contract(model, data, tmp_path, capsys) -> None:
    output = tmp_path / "out"
    assert call(model, data, output) == 0
    assert capsys.readouterr().out == f"{output}/xvector.scp: 3 embeddings of 512 numbers\n"
    assert read_embeddings(output / "xvector.scp").ids == ["a", "b", "c"]
    assert (output / "xvector.ark").is_file()


def test_json_and_status_1_for_a_part(model, data, tmp_path, capsys) -> None:
    (data / "b.wav").write_bytes(b"")
    output = tmp_path / "out"
    assert call(model, data, output, "--json", "--num-crops", "2", "--crop-seconds", "0.5") == 1
    printed = capsys.readouterr()
    assert printed.err == f"{data}/wav.scp:2: {data}/b.wav: is empty: 0 bytes\n"
    result = json.loads(printed.out)
    assert (result["recordings"], result["dim"], list(result["failed"])) == (2, 512, ["b"])
    assert (output / "failed.txt").read_text().startswith("b\t")


def test_bad_input_by_kind(model, data, tmp_path, capsys) -> None:
    """NaN and truncation fail their recording; stereo and 8 kHz are read; a duplicate id stops the run."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-5000, 5000, (16000, 2)).astype(np.int16)
    soundfile.write(data / "stereo.wav", noise, 16000)
    soundfile.write(data / "tel.wav", noise[:8000, 0], 8000)
    soundfile.write(data / "nan.wav", np.full(16000, np.nan, np.float32), 16000, subtype="FLOAT")
    (data / "cut.wav").write_bytes((data / "a.wav").read_bytes()[:3001])
    names = ("a", "cut", "nan", "stereo", "tel")
    (data / "wav.scp").write_text("".join(f"{key} {data}/{key}.wav\n" for key in names))
    assert call(model, data, tmp_path / "out") == 1
    error = capsys.readouterr().err.splitlines()
    assert any("wav.scp:2: " in line and "is truncated" in line for line in error)
    assert any("wav.scp:3: " in line and "NaN" in line for line in error)
    assert read_embeddings(tmp_path / "out" / "xvector.scp").ids == ["a", "stereo", "tel"]

    (data / "wav.scp").write_text(f"a {data}/a.wav\na {data}/tel.wav\n")
    assert call(model, data, tmp_path / "other") == 2
    assert "wav.scp:2: id 'a' was already given in line 1" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_checkpoint_of_another_model_is_status_2(model, data, tmp_path, capsys) -> None:
    other = tmp_path / "model"
    other.mkdir()
    (other / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes())
    (other / "config.yaml").write_text((model / "config.yaml").read_text().replace("24", "23"))
    assert call(other, data, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{other}/model.safetensors: holds the weights of another model than its config.yaml describes" in error


def test_senseless_options(model, data, tmp_path, capsys) -> None:
    assert call(model, data, tmp_path / "out", "--batch-seconds", "0") == 2
    assert "--batch-seconds is 0.0; it must be above 0" in capsys.readouterr().err
    assert call(model, data, tmp_path / "out", "--num-crops", "-2") == 2
    assert "num_crops is -2" in capsys.readouterr().err
