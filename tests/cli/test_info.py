"""`speakerssl info`."""

import json
from pathlib import Path

import numpy as np
import soundfile
import torch

from speakerssl.cli.main import main
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.version import __version__


def make_data(folder: Path) -> Path:
    folder.mkdir()
    soundfile.write(folder / "a.wav", np.ones(8000, np.int16), 16000)
    soundfile.write(folder / "b.wav", np.ones(24000, np.int16), 16000)
    (folder / "wav.scp").write_text(f"a {folder}/a.wav\nb {folder}/b.wav\n")
    (folder / "utt2spk").write_text("a s\nb s\n")
    return folder


def test_the_installation(capsys) -> None:
    assert main(["info", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["speakerssl"] == __version__
    assert described["packages"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert described["devices"][0] == "cpu"
    assert main(["info"]) == 0
    assert "libsndfile" in capsys.readouterr().out


def test_a_model(tmp_path: Path, capsys) -> None:
    config = {
        "features": {"kind": "fbank", "num_mel_bins": 40},
        "encoder": {"name": "thin_resnet34"},
        "evaluation": {"num_crops": 6},
    }
    save_model(tmp_path, config, build_model(config, "test")[1])
    assert main(["info", "--model", str(tmp_path), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["parameters"] == 1846822
    assert (described["embed_dim"], described["feat_dim"], described["num_crops"]) == (512, 40, 6)
    assert main(["info", "--model", str(tmp_path)]) == 0
    assert "1,846,822" in capsys.readouterr().out


def test_a_data_directory_and_its_problems(tmp_path: Path, capsys) -> None:
    folder = make_data(tmp_path / "data")
    assert main(["info", "--data", str(folder), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert (described["recordings"], described["usable"], described["speakers"]) == (2, 2, 1)
    assert (described["shortest_seconds"], described["median_seconds"], described["longest_seconds"]) == (0.5, 1.0, 1.5)
    assert described["problems"] == []
    (folder / "b.wav").unlink()
    assert main(["info", "--data", str(folder)]) == 1
    assert f"{folder}/wav.scp:2: {folder}/b.wav: cannot be read: No such file" in capsys.readouterr().out


def test_nothing_there(tmp_path: Path, capsys) -> None:
    assert main(["info", "--model", str(tmp_path)]) == 2
    assert "config.yaml: does not exist" in capsys.readouterr().err
    assert main(["info", "--data", str(tmp_path)]) == 2
    assert "wav.scp: does not exist" in capsys.readouterr().err
