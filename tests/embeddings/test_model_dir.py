"""Model directories: what is written is read, what is missing, damaged or of another model is named."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import speakerssl
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.model_dir import build_model, fingerprint_of, first_difference, load_weights, save_model
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.errors import InputError


def break_config(folder: Path, **changes: object) -> None:
    tree = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump({**tree, **changes}))


@pytest.fixture(scope="module")
def model(model_dir: Path):
    return speakerssl.load_model(model_dir)


def test_saved_and_loaded_weights_are_equal(model_dir: Path, config) -> None:
    torch.manual_seed(0)
    _, fresh = build_model(config, "test")
    loaded = load_torch_model(model_dir).encoder
    assert list(loaded.state_dict()) == list(fresh.state_dict())
    assert not loaded.training
    assert torch.equal(next(loaded.parameters()), next(fresh.parameters()))


def test_the_files_of_a_model_can_be_read_by_whom_the_umask_lets(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    allowed = (tmp_path / "plain").stat().st_mode & 0o777
    modes = {path.name: path.stat().st_mode & 0o777 for path in model_dir.iterdir() if path.is_file()}
    assert modes == dict.fromkeys(modes, allowed)
    assert "model.safetensors" in modes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": {"name": "xvector"}}, r"model\.safetensors: holds the weights of another model .*is missing"),
        (
            {"encoder": {"name": "thin_resnet34_large"}},
            r"model\.safetensors: holds the weights of another model .*'\S+' has the shape \[16, 1, 3, 3\], not \[32,",
        ),
        ({"encoder": {"name": "thin_resnet43"}}, r"config\.yaml: unknown encoder 'thin_resnet43'; the known ones are"),
        ({"features": {"num_mel_bin": 40}}, r"config\.yaml: features: unknown key 'num_mel_bin'"),
        ({"encoder": None}, r"config\.yaml: has no section 'encoder'"),
        (
            {"evaluation": {"crops": 6}},
            r"config\.yaml: evaluation: unknown key 'crops'; .*: crop_seconds",
        ),
        ({"evaluation": {"num_crops": -1}}, r"config\.yaml: evaluation: num_crops is -1"),
    ],
)
def test_a_checkpoint_of_another_model_or_a_typo_is_one_line(tmp_path, model, config, changes, message) -> None:
    save_model(tmp_path, config, model.encoder)
    break_config(tmp_path, **changes)
    with pytest.raises(InputError, match=message) as error:
        load_model(tmp_path)
    assert "\n" not in str(error.value)


def test_missing_and_damaged_model_files(tmp_path: Path, model, config) -> None:
    with pytest.raises(InputError, match=r"config\.yaml: does not exist; a model directory holds"):
        load_model(tmp_path)
    weights = save_model(tmp_path, config, model.encoder)
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"model\.safetensors: is not a whole safetensors file"):
        load_model(tmp_path)


def test_a_fingerprint_is_of_weights_and_of_what_decides_about_an_embedding(config: dict[str, Any]) -> None:
    torch.manual_seed(0)
    _, encoder = build_model(config, "test")
    mark = fingerprint_of(config, encoder)
    assert len(mark) == 16
    assert fingerprint_of({**config, "training": {"steps": 7}}, encoder) == mark
    assert fingerprint_of({**config, "evaluation": {"num_crops": 3}}, encoder) != mark
    with torch.no_grad():
        next(encoder.parameters()).flatten()[0] += 1
    assert fingerprint_of(config, encoder) != mark


def test_the_first_difference_of_two_states() -> None:
    one = {"a": torch.zeros(2), "b": torch.zeros(3, 1)}
    assert first_difference(one, {"b": torch.ones(3, 1), "a": torch.ones(2)}) == ""
    assert first_difference(one, {"a": torch.zeros(2)}) == "'b' is missing"
    assert (
        first_difference(one, {"a": torch.zeros(2), "b": torch.zeros(1, 3)}) == "'b' has the shape [1, 3], not [3, 1]"
    )
    assert first_difference(one, {**one, "c": torch.zeros(1)}) == "'c' is not part of the encoder"


def test_tensors_that_share_memory_and_tuples_are_written(tmp_path: Path) -> None:
    shared = torch.nn.Linear(2, 2)
    both = torch.nn.ModuleDict({"one": shared, "two": shared})
    path = save_model(tmp_path, {"encoder": {"name": "x", "layers": (1, 2)}, "features": {}}, both)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["encoder"]["layers"] == [1, 2]
    two = torch.nn.Linear(2, 2)
    load_weights(torch.nn.ModuleDict({"one": torch.nn.Linear(2, 2), "two": two}), path)
    assert torch.equal(two.weight, shared.weight)
