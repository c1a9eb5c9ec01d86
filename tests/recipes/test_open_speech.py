"""The open-speech recipe on made voices: two unlabeled corpora in, a model folder and its numbers out."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import speakerssl
from speakerssl.cli.main import main
from speakerssl.config_file import read_yaml
from speakerssl.embeddings.model_dir import read_model_dir, save_model
from speakerssl.encoders import build_encoder
from tests.scripts import ROOT, load_script

from .voices import RATE, voice, write_voices

RECIPE = ROOT / "recipes" / "open_speech"
# What tells made voices apart is the mean of their spectrum. There is no calibrating a model that only guesses.
QUICK = (
    "training.batch_size=8 training.checkpoint_every=2 training.average_last=1 data.num_workers=0 validation.every=4 "
    "encoder.channels=8 encoder.embed_dim=16 encoder.stem_stride=[4,4] augment.reverb.rooms=2 views.crop_seconds=0.5 "
    "schedule.warmup_steps=0 training.amp=none features.cmn=none"
)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one` and `two`, without labels, and a test set where that of LibriSpeech would be.

    Each voice of the first two has one recording: a pair of two recordings is a non-target of the validation trials.
    """
    root = tmp_path_factory.mktemp("corpora")
    for name, first in (("one", 0), ("two", 12)):
        write_voices(root / name / "train", range(first, first + 12), 1)
        (root / name / "train" / "utt2spk").unlink()
    write_voices(root / "librispeech" / "test", range(40, 44), 2)
    return root


def write_earlier_round(folder: Path) -> Path:
    """The encoder of QUICK, with weights of its own."""
    encoder: dict[str, Any] = {"name": "small_resnet", "channels": 8, "embed_dim": 16, "stem_stride": [4, 4]}
    torch.manual_seed(5)
    features = read_yaml(RECIPE / "conf" / "ssl.yaml")["features"]
    save_model(folder, {"features": features, "encoder": encoder}, build_encoder(feat_dim=64, **encoder))
    return folder


def test_from_unlabeled_corpora_to_a_model_folder(recipe, corpora: Path, tmp_path: Path) -> None:
    words = ["--data-dir", corpora, "--work", tmp_path, "--steps", 40, "--pseudo-steps", 4, "--iterations", 1]
    words += ["--copies", 1, "--clusters", 4, "--num-validation", 12, "--seed", 2, "--jobs", 1]
    words += ["--results", tmp_path / "RESULTS.md"]
    words += ["--set", f"{QUICK} method.ssps.clusters=4"]
    earlier = write_earlier_round(tmp_path / "earlier")
    result = recipe("open_speech", *words, "--stop-stage", 3, "--init-from", earlier)
    assert result.returncode == 0, result.stderr
    assert read_yaml(tmp_path / "exp" / "ssl" / "config.yaml")["training"]["init_from"] == str(earlier)
    words[-1] = QUICK
    result = recipe("open_speech", *words, "--stage", 4)
    assert result.returncode == 0, result.stderr

    held_out = set((tmp_path / "data" / "valid" / "recordings").read_text().split())
    clustered = {line.split()[0] for line in (tmp_path / "exp/pseudo/iteration-1/utt2cluster").read_text().splitlines()}
    assert held_out
    assert len(clustered) == 24 - len(held_out)
    assert not clustered & held_out

    folder = tmp_path / "exp" / "open-speech"
    config = read_yaml(folder / "config.yaml")
    assert set(config) <= {"features", "encoder", "evaluation"}
    assert str(tmp_path) not in "".join(
        (folder / name).read_text() for name in ("config.yaml", "card.json", "README.md")
    )
    assert "one: 12 recordings, 0.01 h, no labels" in (folder / "README.md").read_text()
    assert json.loads((folder / "card.json").read_text())["metrics"][0]["list"] == "librispeech"
    first, second, *_ = sorted((corpora / "one" / "train").glob("*.wav"))
    found = speakerssl.load_model(folder).verify(first, second)
    assert found.llr is not None
    assert "12 recordings without labels" in found.calibrated_on

    text = (tmp_path / "RESULTS.md").read_text()
    assert "## librispeech" in text
    for system in ("open-speech", "ssl", "untrained", "floor"):
        assert f"| {system} |" in text
    assert "cross-channel" not in text  # speechocean762's test set is not there


def test_a_folder_without_corpora_is_named(recipe, tmp_path: Path) -> None:
    result = recipe("open_speech", "--data-dir", tmp_path)
    assert result.returncode == 2
    assert f"{tmp_path}/*/train/wav.scp: there is none" in result.stderr


def test_a_model_folder_of_nothing(tmp_path: Path, monkeypatch, capsys) -> None:
    words = ["--model", tmp_path / "no", "--corpora", "one", "--data", tmp_path, "--output", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", ["make_model.py", *map(str, words)])
    assert load_script(RECIPE / "local" / "make_model.py").main() == 2
    assert "config.yaml: does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_weights_in_half_the_space_give_the_same_embeddings(tmp_path: Path, monkeypatch) -> None:
    model, output = write_earlier_round(tmp_path / "model"), tmp_path / "out"
    config = read_yaml(model / "config.yaml") | {"method": {"name": "multiview"}}
    save_model(model, config, read_model_dir(model)[2])
    (tmp_path / "train_one").mkdir()
    (tmp_path / "train_one" / "utt2dur").write_text("a 2.5\n")
    words = ["--model", model, "--corpora", "one", "--data", tmp_path, "--output", output]
    monkeypatch.setattr(sys, "argv", ["make_model.py", *map(str, words)])
    assert load_script(RECIPE / "local" / "make_model.py").main() == 0
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (model, output)]
    assert sizes[1] < 0.6 * sizes[0]
    first, second = (
        speakerssl.load_model(folder, engine="torch").embed(voice(3, 0), RATE) for folder in (model, output)
    )
    assert first @ second > 0.99999


def test_trials_across_recordings_are_of_one_voice_and_corpus(tmp_path: Path, monkeypatch, capsys) -> None:
    """Six voices in each of two corpora: the first recording of each is held out, thirty others are trained on."""
    ids = [f"{speaker:02d}-{part:02d}" for speaker in range(12) for part in range(31)]
    (tmp_path / "voices").mkdir()
    for speaker in range(12):
        for part, wave in enumerate(np.split(voice(speaker, 0, seconds=31.0), 31)):
            soundfile.write(tmp_path / "voices" / f"{speaker:02d}-{part:02d}.wav", wave, RATE)
    held_out = [key for key in ids if key.endswith("-00")]
    sources = {
        "train": {key: key for key in ids if key not in held_out},
        "valid": {f"{key}-{side}": key for key in held_out for side in ("enrol", "test")},
    }
    for name, table in sources.items():
        (tmp_path / name).mkdir()
        lines = [f"{key} {tmp_path}/voices/{source}.wav\n" for key, source in table.items()]
        (tmp_path / name / "wav.scp").write_text("".join(lines))
    (tmp_path / "groups").write_text("".join(f"{key} {'ab'[int(key[:2]) >= 6]}\n" for key in ids))
    config, store = RECIPE / "conf" / "ssl.yaml", tmp_path / "store"
    words = ["features", "--config", config, "--data", tmp_path / "train", "--copies", 1, "--output", store]
    assert main([*map(str, words), "--jobs", "1"]) == 0
    words = ["across_trials.py", "--store", store, "--valid", tmp_path / "valid", "--groups", tmp_path / "groups"]
    words += ["--config", config, "--output", tmp_path / "trials"]
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    script = load_script(RECIPE / "local" / "across_trials.py")
    capsys.readouterr()
    assert script.main() == 0
    trials = [line.split() for line in (tmp_path / "trials").read_text().splitlines()]
    kinds = [kind for kind, _, _ in trials]
    said = f"{kinds.count('1'):,} target and {kinds.count('0'):,} non-target trials"
    assert said in capsys.readouterr().out
    assert {(enrol[:2] < "06") == (test[:2] < "06") for _, enrol, test in trials} == {True}
    assert all((enrol[:2] == test[:2]) == (kind == "1") for kind, enrol, test in trials)
    assert {enrol for kind, enrol, _ in trials if kind == "0"} == {f"{key}-test" for key in held_out}
    assert {enrol for kind, enrol, _ in trials if kind == "1"} == {f"{key}-test" for key in held_out}
    (tmp_path / "groups").write_text("01-01 a\n")
    assert script.main() == 2
    assert "has no group for 371 of 372" in capsys.readouterr().err
