"""Made voices, lists and models that the verbs' tests share, and one way to call a verb."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from speakerssl.cli.main import main
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from tests.report.conftest import small_list


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve speakers of five recordings each, embeddings, two lists, utt2spk and utt2dur."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    voices = rng.standard_normal((12, 16))
    ids = [f"spk{s:02d}/{r}.wav" for s in range(12) for r in range(5)]
    matrix = np.repeat(voices, 5, axis=0) + 0.9 * rng.standard_normal((60, 16))
    write_embeddings("emb", ids, matrix)
    pairs = [(ids[i], ids[j], int(i // 5 == j // 5)) for i in range(60) for j in range(i)]
    Path("list_a.txt").write_text("".join(f"{y} {e} {t}\n" for e, t, y in pairs))
    kinds = ("nontarget", "target")
    Path("list_b").write_text("".join(f"{e} {t} {kinds[y]}\n" for e, t, y in pairs[::2]))
    Path("utt2spk").write_text("".join(f"{name} {name[:5]}\n" for name in ids))
    Path("utt2dur").write_text("".join(f"{name} {2 + i * 0.1:.2f}\n" for i, name in enumerate(ids)))
    Path("spk2utt").write_text("".join(f"spk{s:02d} {' '.join(ids[5 * s : 5 * s + 2])}\n" for s in range(12)))
    Path("model_trials").write_text(
        "".join(f"spk{s:02d} {t} {int(t[:5] == f'spk{s:02d}')}\n" for s in range(12) for t in ids)
    )
    return tmp_path


@pytest.fixture
def two_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Test embeddings of 12 speakers, training ones of 40 others, lists, labels and durations."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((16, 16))
    for name, speakers, each in (("test", 12, 5), ("train", 40, 6)):
        ids = [f"{name}{s:02d}/{r}.wav" for s in range(speakers) for r in range(each)]
        voices = np.repeat(rng.standard_normal((speakers, 16)), each, axis=0)
        write_embeddings(name, ids, (voices + 0.9 * rng.standard_normal((len(ids), 16))) @ mix + 0.5)
        Path(name, "utt2spk").write_text("".join(f"{i} {i.partition('/')[0]}\n" for i in ids))
        Path(name, "utt2dur").write_text("".join(f"{i} {rng.uniform(1, 9):.2f}\n" for i in ids))
    ids = read_embeddings("test/xvector.scp").ids
    pairs = [(a, b) for n, a in enumerate(ids) for b in ids[:n]]
    Path("trials").write_text("".join(f"{int(a[:6] == b[:6])} {a} {b}\n" for a, b in pairs))
    Path("spk2utt").write_text("".join(f"m{s:02d} {' '.join(ids[5 * s : 5 * s + 2])}\n" for s in range(12)))
    Path("model_trials").write_text(
        "".join(f"m{s:02d} {i} {int(i[4:6] == f'{s:02d}')}\n" for s in range(12) for i in ids)
    )
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that the verb ends with, exit status 2."""
    assert main([*arguments]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


def cosine_scores(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "score", "--embeddings", "test/xvector.scp", "--trials", "trials", "--output", "cosine.scores")


NORM = ("norm", "--embeddings", "test/xvector.scp", "--trials", "trials", "--cohort", "train/xvector.scp")

TRAIN = ("backend", "train", "--embeddings", "train/xvector.scp", "--utt2spk", "train/utt2spk", "--chain",
         "mean,lda:10,length", "--output", "b.npz")  # fmt: skip

SCORE = ("score", "--embeddings", "test/xvector.scp", "--trials", "trials", "--backend")


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """A folder with xvector.scp of 12 made voices of 10 recordings, and utt2spk."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 10)
    points = rng.standard_normal((12, 32))[labels] + 0.5 * rng.standard_normal((120, 32))
    ids = [f"u{i:03d}" for i in range(120)]
    write_embeddings(tmp_path, ids, points)
    (tmp_path / "utt2spk").write_text("".join(f"{key} s{label}\n" for key, label in zip(ids, labels)))
    return tmp_path


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of eight recordings of 1.5 s; no test may write into it."""
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
    """A training configuration of two steps, without data."""
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


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What the verb says with --json; it must end with status 0."""
    status = main([*map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return json.loads(captured.out)


def cllr_of(capsys: pytest.CaptureFixture[str], path: str) -> dict[str, float]:
    """The metrics of a score file on the list `trials`."""
    found: dict[str, float] = call(capsys, "metrics", "--scores", path, "--trials", "trials")
    return found


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a small untrained model; no test may write into it."""
    torch.manual_seed(0)
    config = {"features": {"kind": "fbank", "num_mel_bins": 40}, "encoder": {"name": "small_tdnn", "channels": 16}}
    _, encoder = build_model(config, "test")
    path = tmp_path_factory.mktemp("model")
    save_model(path, config, encoder)
    return str(path)


@pytest.fixture
def takes(tmp_path: Path) -> dict[str, str]:
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


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.wav and b.wav, two seconds each under a changing envelope; no test may write into it."""
    folder = tmp_path_factory.mktemp("speech")
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        envelope = np.repeat(rng.uniform(0.01, 0.1, 40), RATE // 20)
        soundfile.write(folder / f"{name}.wav", envelope * rng.standard_normal(2 * RATE), RATE)
    return folder


RATE = 16000


@pytest.fixture
def calibrated(model: str, tmp_path: Path) -> str:
    """A copy of the model, calibrated on 400 made scores around 0.9 and 0.1."""
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(0.9, 0.05, 200), rng.normal(0.1, 0.05, 200)])
    rows = [f"a/{n} b/{n} {score:.6f} {'target' if n < 200 else 'nontarget'}\n" for n, score in enumerate(scores)]
    (tmp_path / "scores").write_text("".join(rows))
    folder = str(shutil.copytree(model, tmp_path / "calibrated"))
    words = ["--model", folder, "--scores", str(tmp_path / "scores"), "--trained-on", "made ones"]
    assert main(["calibrate-model", *words]) == 0
    return folder


__all__ = ["small_list"]
