"""The page of a model folder."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from speakerssl.embeddings.card import read_facts, write_card
from speakerssl.embeddings.decision import Decision, save_decision
from speakerssl.errors import InputError

ROW = {"list": "rooms", "scoring": "cosine", "targets": 1200, "nontargets": 3400, "p_target": 0.01}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder, as far as its card looks into it."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.yaml").write_text(
        "features: {kind: plp}\nencoder: {name: xvector}\nmethod: {name: moco}\n"
    )
    return tmp_path / "own"


def test_a_bare_folder_says_what_is_not_known(folder: Path) -> None:
    text = write_card(folder).read_text()
    assert "A speaker encoder (`xvector`) on plp features at 16000 Hz, trained by the method `moco`." in text
    assert 'load_model("own")' in text
    for missing in ("Not stated. Say which", "Not measured.", "Not calibrated:", "Not evidence in court"):
        assert missing in text
    assert not (folder / "card.json").exists()


def test_the_rate_is_that_of_the_features(folder: Path) -> None:
    (folder / "config.yaml").write_text("features: {sample_frequency: 8000}\nencoder: {name: xvector}\n")
    assert "A speaker encoder (`xvector`) on fbank features at 8000 Hz." in write_card(folder).read_text()


def test_what_was_said_once_is_kept(folder: Path) -> None:
    write_card(folder, {"licence": "apache-2.0", "data": ["Ten hours of radio."], "parameters": 1234567})
    row = {**ROW, "eer_percent": [12.5, 11.25, 13.75], "min_dcf": [0.9, 0.85, 0.95]}
    text = write_card(folder, {"metrics": [row]}).read_text()
    assert yaml.safe_load(text.split("---")[1]) == {
        "license": "apache-2.0", "library_name": "speakerssl", "tags": ["speaker-verification"],
    }  # fmt: skip
    assert "- Ten hours of radio." in text
    assert "1,234,567 parameters" in text
    assert "| rooms | cosine | 1,200, 3,400 | 12.5 (11.25 to 13.75) | 0.9 (0.85 to 0.95) | 0.01 |" in text
    assert set(read_facts(folder)) == {"licence", "data", "parameters", "metrics"}


def test_thresholds_are_those_of_the_calibration(folder: Path) -> None:
    grid = np.linspace(-1, 1, 5)
    save_decision(folder, Decision(10.0, -2.0, grid, np.linspace(0, 1, 5), np.linspace(1, 0, 5), "made trials", (9, 9)))
    text = write_card(folder).read_text()
    assert "| 0.5 (as likely as not) | 0.2000 | 60.00% | 40.00% |" in text
    assert "| 0.01 (one in a hundred) | 0.6595 |" in text
    assert "Calibrated on made trials." in text


def test_mistakes(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no model folder"):
        write_card(tmp_path)
    (folder / "card.json").write_text("[1]")
    with pytest.raises(InputError, match=r"card\.json: is not what `speakerssl card` wrote"):
        write_card(folder, {"name": "x"})
