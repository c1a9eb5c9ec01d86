"""Supervised training end to end on made voices: what learns, what takes part, and that nothing else reads labels."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file

from speakerssl.config import load_config
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods import build_method
from speakerssl.training.build import build_dataset, initialize, train
from speakerssl.training.labels import apply_labels
from speakerssl.training.validation import Validator


@pytest.fixture
def labelled(corpus: Path, tmp_path: Path) -> Path:
    """A file with the true speaker of each training recording."""
    lines = (corpus / "train" / "wav.scp").read_text().splitlines()
    path = tmp_path / "labels"
    path.write_text("".join(f"{line.split()[0]} s{line.split('-')[0]}\n" for line in lines))
    return path


@pytest.fixture
def supervised(write_config, labelled: Path, tmp_path: Path):
    """`supervised(loss, training, **method)` loads a configuration that trains on the true speakers."""

    def load(loss: dict, training: dict | None = None, **method: object):
        path = write_config(method={"name": "supervised", "labels": str(labelled), **method}, training=training or {})
        sections = yaml.safe_load(path.read_text())
        sections["loss"] = loss
        sections["method"].pop("projector", None)
        path.write_text(yaml.safe_dump(sections))
        return load_config(path)

    return load


def eer_percent(folder: Path, test: Path) -> float:
    model = load_torch_model(folder)
    return Validator(test, test / "trials", FeatureFrontend(model.config["features"]))(model.encoder)[
        "valid_eer_percent"
    ]


@pytest.mark.parametrize("loss", [{"name": "aam", "scale": 15}, {"name": "sphereface2"}])
def test_it_learns_speakers_it_never_saw(supervised, corpus: Path, tmp_path: Path, loss: dict) -> None:
    config = supervised(loss, {"batch_size": 24, "steps": 30, "checkpoint_every": 30}, balanced=True)
    initialize(config, tmp_path / "untrained")
    train(config, tmp_path / "trained", "cpu")
    before, after = (eer_percent(tmp_path / name, corpus / "test") for name in ("untrained", "trained"))
    assert after < 0.7 * before, f"EER {before:.1f} % untrained, {after:.1f} % trained"


def test_recordings_without_a_label_take_no_part(supervised, labelled: Path, tmp_path: Path) -> None:
    lines = labelled.read_text().splitlines()
    labelled.write_text("\n".join(lines[:20]) + "\n")
    config = supervised({"name": "am"})
    encoder = build_encoder(**{"feat_dim": 40, **config.encoder})
    method = build_method(encoder, config.method, config.loss)
    recorded = build_dataset(config, 16000, tmp_path)
    dataset = apply_labels(method, config, recorded)
    assert dataset.ids == [line.split()[0] for line in lines[:20]]
    assert dataset.seconds.tolist() == [recorded.seconds[recorded.ids.index(name)] for name in dataset.ids]
    names = [line.split()[1] for line in lines[:20]]
    assert method.labels.tolist() == np.unique(names, return_inverse=True)[1].tolist()
    assert dataset[(0, 3, 3)][0].shape == (9600,)


def test_speed_copies_are_new_speakers(supervised, tmp_path: Path) -> None:
    config = supervised({"name": "am"}, speeds=[0.9, 1.1])
    method: Any = build_method(build_encoder(**{"feat_dim": 40, **config.encoder}), config.method, config.loss)
    dataset = apply_labels(method, config, build_dataset(config, 16000, tmp_path))
    assert len(dataset) == 3 * 72
    assert method.head.num_classes == 3 * 24
    assert dataset.ids[72] == f"sp0.9-{dataset.ids[0]}"
    assert len({tuple(method.labels[i::72].tolist()) for i in range(72)}) == 24  # a speaker's copies stay together
    assert [view.shape for view in dataset[(0, 100, 100)]] == [(9600,), (9600,)]


def test_every_recording_its_own_class(supervised, tmp_path: Path) -> None:
    config = supervised({"name": "softmax", "label_smoothing": 0.8}, {"steps": 2}, labels="recordings")
    train(config, tmp_path / "diet", "cpu")
    assert (tmp_path / "diet" / "model.safetensors").exists()


def test_other_labels_are_another_run(supervised, labelled: Path, tmp_path: Path) -> None:
    config = supervised({"name": "am"}, {"steps": 2, "checkpoint_every": 1})
    train(config, tmp_path / "run", "cpu")
    labelled.write_text(labelled.read_text().replace("s03", "s04"))
    with pytest.raises(InputError, match="belongs to another configuration"):
        train(config, tmp_path / "run", "cpu")


def test_resumed_with_a_gate_it_takes_the_same_steps(supervised, tmp_path: Path) -> None:
    training = {"batch_size": 36, "steps": 6, "checkpoint_every": 3}
    config = supervised({"name": "subcentre_aam", "class_share": 0.5}, training, gate={}, correct={}, balanced=True)
    train(config, tmp_path / "whole", "cpu")
    shutil.copytree(tmp_path / "whole", tmp_path / "half")
    (tmp_path / "half" / "checkpoints" / "step-00000006.pt").unlink()
    train(config, tmp_path / "half", "cpu")
    whole, half = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "half"))
    assert all((whole[key] == half[key]).all() for key in whole)


def test_labels_for_none_of_the_recordings_are_an_error(supervised, labelled: Path, tmp_path: Path) -> None:
    labelled.write_text("x s1\ny s2\n")
    with pytest.raises(InputError, match="has a label for none of the training recordings"):
        train(supervised({"name": "am"}), tmp_path / "run", "cpu")
