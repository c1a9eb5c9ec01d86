"""Every published set-up trains, builds at full size, and stands on the page of comparisons as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from speakerssl.config import Config, load_config, to_mapping
from speakerssl.data.corpora import read_corpus
from speakerssl.training.build import build_modules, train
from tests.scripts import ROOT, load_script

script = load_script(ROOT / "recipes/voxceleb/ssl/local/published_setups.py")
CONF = ROOT / "recipes/voxceleb/ssl/conf"
EVERY = script.names()
SMALL = {
    "projector": {"hidden_dim": 16, "out_dim": 3},
    "predictor": {"hidden_dim": 16, "out_dim": 3},
    "head": {"hidden_dim": 16, "bottleneck_dim": 8, "out_dim": 24},
    "ssps": {"clusters": 3, "start_epoch": 1},
}
SMALL_VALUES = {"prototypes": 6, "clusters": [3, 4], "queue_size": 8, "sub_batch": 4, "steps": 2}


def shrunk(method: dict[str, Any]) -> dict[str, Any]:
    """The method with every width of it made small, and no key more."""
    small: dict[str, Any] = {}
    for key, value in method.items():
        inner = SMALL.get(key)
        if inner and isinstance(value, dict):
            small[key] = {**value, **{name: size for name, size in inner.items() if name in value}}
        else:
            small[key] = SMALL_VALUES.get(key, value)
    return small


@pytest.fixture(scope="module")
def voxceleb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of 12 recordings read from VoxCeleb's layout, and an empty list of exclusions beside it."""
    root = tmp_path_factory.mktemp("voxceleb")
    rng = np.random.default_rng(0)
    for speaker in ("id10001", "id10002", "id10003"):
        for video in ("aaaaaaaaaaa", "bbbbbbbbbbb"):
            for number in (1, 2):
                path = root / "wav" / speaker / video / f"{number:05d}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, 0.1 * rng.standard_normal(14000), 16000)
    read_corpus("voxceleb1", root).write(root / "data")
    return root / "data"


def quick(file: str, row: str | None, data: Path) -> Config:
    """The configuration with small sizes and one epoch of three steps, or two; the kinds of everything stay."""
    tree = to_mapping(load_config(CONF / file, row=row))
    encoder: dict[str, Any] = {"name": "small_tdnn", "channels": 8, "embed_dim": 8}
    if tree["method"]["name"] == "cpc":
        encoder = {**tree["encoder"], "channels": 4, "frame_dim": 8, "embed_dim": 8}
    settings = {
        "encoder": encoder,
        "method": shrunk(tree["method"]),
        "data": {"train": [str(data)], "num_workers": 0},
        "training.epochs": 2 if tree["method"].get("ssps") else 1,
        "training.batch_size": 4,
        "training.select": "last",
        "schedule.warmup_epochs": 0,
        "views.crop_seconds": 0.4,
        "views.local_seconds": 0.2,
    }
    if tree["loss"].get("negatives"):
        settings["loss.negatives.size"] = 8
    if tree["augment"]:
        settings["augment.reverb.rooms"] = 2
    overrides = [f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, value in settings.items()]
    return load_config(CONF / file, overrides, row)


@pytest.mark.parametrize(("file", "row"), EVERY)
def test_three_steps(file: str, row: str | None, voxceleb: Path, tmp_path: Path) -> None:
    train(quick(file, row, voxceleb), tmp_path / "run", "cpu")
    log = (tmp_path / "run" / "train.jsonl").read_text()
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert "NaN" not in log


@pytest.mark.parametrize(("file", "row"), EVERY)
def test_the_modules_of_full_size_can_be_built(file: str, row: str | None) -> None:
    with torch.device("meta"):
        _, method, _ = build_modules(load_config(CONF / file, row=row))
    assert sum(p.numel() for p in method.parameters()) > 1e6


def test_the_pages_are_what_the_script_writes() -> None:
    again = "python recipes/voxceleb/ssl/local/published_setups.py writes it again"
    assert script.SETUPS.read_text() == script.setups(), again
    before = script.RESULTS.read_text()
    assert before == script.results(before), again


def test_a_value_that_differs_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="the reference has 256, so 256 is due, and the configuration has 128"):
        script.compare(256, 128)
    assert script.compare({"printed": "scale 30", "ours": 0.5, "why": "its inverse"}, 0.5)[2] == "yes (its inverse)"
    assert script.compare({"printed": 1, "differs": "less of it"}, 2) == ("1", "2", "no: less of it")


def test_our_figures_survive_when_the_page_is_written_again() -> None:
    page = script.results()
    line = next(line for line in page.splitlines() if "`small`" in line)
    filled = page.replace(line, line.replace("|  |  |", "| 8.81 | 0.70 |"))
    assert filled != page
    assert script.results(filled) == filled
