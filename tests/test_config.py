"""Configurations: what is read, and that every kind of typo is one line with file, key and choices."""

from pathlib import Path

import pytest

from speakerssl.config import load_config, to_mapping
from speakerssl.errors import InputError

MINIMAL = """
features: {kind: fbank}
encoder: {name: small_tdnn}
loss: {temperature: 0.1}
training: {steps: 5}
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "c.yaml"
        path.write_text(text)
        return path

    return write


def test_defaults_and_round_trip(write, tmp_path: Path) -> None:
    config = load_config(write(MINIMAL))
    assert config.training.steps == 5
    assert config.training.batch_size == 256
    import yaml

    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(to_mapping(config)))
    assert load_config(again) == config


def test_override_reaches_nested_keys_and_parses_yaml(write) -> None:
    config = load_config(write(MINIMAL), ["optimizer.lr=1e-3", "loss.margin={name: additive, value: 0.2}"])
    assert config.optimizer.lr == 1e-3
    assert config.loss["margin"] == {"name": "additive", "value": 0.2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "optimiser: {lr: 1.0}", "unknown key 'optimiser'; the known ones are: augment"),
        (MINIMAL.replace("steps: 5", "stepz: 5"), "training: unknown key 'stepz'"),
        (MINIMAL.replace("steps: 5", "steps: many"), "training.steps: expected a whole number, found 'many'"),
        (MINIMAL.replace("steps: 5", "steps: 5, epochs: 2"), "exactly one of 'epochs' and 'steps'"),
        (MINIMAL.replace("encoder: {name: small_tdnn}", ""), "the key 'encoder' is missing"),
        (MINIMAL.replace("{kind: fbank}", "fbank"), "features: expected a mapping, found 'fbank'"),
        (MINIMAL + "data: {train: 3}", "data.train: expected a list of names"),
        ("features: {kind", "c.yaml:1: not valid YAML"),
        ("- a", "expected a mapping of sections, found list"),
    ],
)
def test_mistakes_are_named(write, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        load_config(write(text))
    assert message in str(error.value)
    assert "c.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_override_and_missing_file(write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--set loss: expected section.key=value"):
        load_config(write(MINIMAL), ["loss"])
    with pytest.raises(InputError, match=r"--set features.kind.x=1: 'kind' holds a value"):
        load_config(write(MINIMAL), ["features.kind.x=1"])
    with pytest.raises(InputError, match=r"none.yaml: cannot be read: No such file"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("setting", ["validation.every=0", "training.log_every=0", "training.batch_size=-1"])
def test_counts_begin_at_one(tmp_path: Path, setting: str) -> None:
    (tmp_path / "a.yaml").write_text("features: {}\nencoder: {}\nloss: {}\ntraining: {steps: 1}\n")
    with pytest.raises(InputError, match=rf"{setting.split('=')[0]} is .*counts from 1"):
        load_config(tmp_path / "a.yaml", [setting])
