"""AUM while an encoder trains: flipped labels of real speech are found, and a stopped run records the same."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from speakerssl.cli.main import main
from speakerssl.config import Config, load_config
from speakerssl.data.kaldi import DataDir
from speakerssl.training.build import train

SMALL = {"name": "small_tdnn", "channels": 32, "blocks": 2, "aggregate_dim": 64, "embed_dim": 32}


def read_scores(path: Path) -> dict[str, tuple[float, bool]]:
    rows = [line.split() for line in path.read_text().splitlines()]
    return {key: (float(score), flag == "1") for key, score, flag in rows}


def configure(folder: Path, data: Path, labels: Path, training: dict[str, Any], **method: Any) -> Config:
    tree = {
        "features": {"kind": "fbank", "num_mel_bins": 40},
        "encoder": SMALL,
        "method": {"name": "supervised", "labels": str(labels), "aum": {}, **method},
        "loss": {"name": "normalized_softmax", "scale": 15},
        "data": {"train": [str(data)], "num_workers": 0},
        "views": {"crop_seconds": 1.0, "num_global": 1},
        "optimizer": {"name": "adam", "lr": 3e-3},
        "schedule": {"name": "constant"},
        "training": {"log_every": 50, "tensorboard": False, "checkpoint_every": 1000, **training},
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(tree))
    return load_config(folder / "train.yaml")


def auc(scores: np.ndarray, wrong: np.ndarray) -> float:
    """The chance that a wrong label scores above a right one."""
    return float((scores[wrong][:, None] > scores[~wrong]).mean())


@pytest.mark.slow
def test_flipped_labels_of_real_speech_are_found_while_the_encoder_trains(shared_data: Path, tmp_path: Path) -> None:
    whole = DataDir.read(shared_data / "speechocean762" / "train", labels=False)
    lines = (shared_data / "speechocean762" / "train" / "labels" / "utt2spk").read_text().splitlines()
    speakers = dict(line.split() for line in lines)
    some = sorted(set(speakers.values()))[:25]
    kept = [key for key in whole.recordings if speakers[key] in some][: 25 * 16]
    whole.subset(kept).write(tmp_path / "data")
    rng = np.random.default_rng(0)
    wrong = {kept[i] for i in rng.permutation(len(kept))[: len(kept) // 5]}
    given = {
        key: rng.choice([one for one in some if one != speakers[key]]) if key in wrong else speakers[key]
        for key in kept
    }
    (tmp_path / "labels").write_text("".join(f"{key} {name}\n" for key, name in given.items()))
    config = configure(tmp_path, tmp_path / "data", tmp_path / "labels", {"batch_size": 64, "steps": 70})
    train(config, tmp_path / "run", "cpu")
    found = read_scores(tmp_path / "run" / "suspect_labels")
    assert len(found) == len(kept) - len(kept) // (len(set(given.values())) + 1)  # all but the threshold samples
    flipped = np.array([key in wrong for key in found])
    scores, flags = np.array([score for score, _ in found.values()]), np.array([flag for _, flag in found.values()])
    assert auc(scores, flipped) >= 0.85
    assert flags[flipped].mean() > flags[~flipped].mean() + 0.25


@pytest.fixture
def made(corpus: Path, tmp_path: Path) -> Callable[..., Config]:
    """A configuration on the tiny corpus with its true labels."""
    lines = (corpus / "train" / "wav.scp").read_text().splitlines()
    labels = tmp_path / "labels"
    labels.write_text("".join(f"{line.split()[0]} s{line.split('-')[0]}\n" for line in lines))
    return lambda training, **method: configure(tmp_path, corpus / "train", labels, training, **method)


def test_a_stopped_run_records_the_same(made: Callable[..., Config], tmp_path: Path) -> None:
    config = made({"batch_size": 24, "steps": 6, "checkpoint_every": 2, "average_last": 2})
    train(config, tmp_path / "whole", "cpu")
    shutil.copytree(tmp_path / "whole", tmp_path / "half")
    (tmp_path / "half" / "checkpoints" / "step-00000006.pt").unlink()
    (tmp_path / "half" / "suspect_labels").unlink()
    train(config, tmp_path / "half", "cpu")
    files = [(tmp_path / name / "suspect_labels").read_bytes() for name in ("whole", "half")]
    assert files[0] == files[1]
    assert len(read_scores(tmp_path / "whole" / "suspect_labels")) == 72 - 72 // 25


def test_the_command_says_where_they_are(
    made: Callable[..., Config], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made({"batch_size": 24, "steps": 1})
    words = ["train", "--config", str(tmp_path / "train.yaml"), "--device", "cpu", "--output"]
    assert main([*words, str(tmp_path / "run")]) == 0
    assert f"{tmp_path}/run/suspect_labels: how likely each label is wrong" in capsys.readouterr().out
    assert len(read_scores(tmp_path / "run" / "suspect_labels")) <= 24  # the others were not seen
    assert main([*words, str(tmp_path / "other"), "--set", "method.aum=null"]) == 0
    assert not (tmp_path / "other" / "suspect_labels").exists()


def test_a_gate_is_refused(made: Callable[..., Config], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made({"batch_size": 24, "steps": 1}, gate={})
    assert main(["train", "--config", str(tmp_path / "train.yaml"), "--output", str(tmp_path / "run")]) == 2
    assert "aum judges labels that are trained on: leave out `gate`" in capsys.readouterr().err
