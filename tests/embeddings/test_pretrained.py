"""Models that come with the package, by name."""

from pathlib import Path

import numpy as np
import pytest

import speakerssl
from speakerssl.embeddings import pretrained
from speakerssl.embeddings.card import read_facts
from speakerssl.embeddings.pretrained import pretrained_names, resolve_model

FILES = {"config.yaml", "model.safetensors", "README.md", "card.json", "calibration.json"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with one model in it and one folder that is none."""
    for name, file in (("small", "model.safetensors"), ("notes", "README.md")):
        (tmp_path / "pretrained" / name).mkdir(parents=True)
        (tmp_path / "pretrained" / name / file).write_bytes(b"")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pretrained"


def test_a_name_is_a_folder_of_the_package(folder: Path) -> None:
    assert pretrained_names() == ("small",)
    assert resolve_model("small") == folder / "small"


def test_a_path_stays_a_path(folder: Path, tmp_path: Path) -> None:
    assert resolve_model(tmp_path / "exp") == tmp_path / "exp"
    assert resolve_model("notes") == Path("notes")
    (tmp_path / "small").mkdir()
    assert resolve_model("small") == Path("small")


def test_what_comes_with_the_package_is_small_and_says_what_it_is() -> None:
    for name in pretrained_names():
        files = list((pretrained.FOLDER / name).iterdir())
        assert sum(path.stat().st_size for path in files) < 10e6
        assert {"config.yaml", "model.safetensors", "README.md", "card.json", "calibration.json"} == {
            p.name for p in files
        }
        facts = read_facts(pretrained.FOLDER / name)
        assert facts["licence"]
        assert facts["data"]
        assert len(facts["metrics"]) >= 4


def test_the_packages_model_tells_speakers_apart_that_it_never_met(shared_data: Path) -> None:
    """Ten speakers of LibriSpeech test-other, two recordings each: the other one is the nearest for most of them."""
    test = shared_data / "librispeech" / "test"
    paths = dict(line.split(maxsplit=1) for line in (test / "wav.scp").read_text().splitlines())
    speakers = dict(line.split() for line in (test / "utt2spk").read_text().splitlines())
    chosen = [[key for key in paths if speakers[key] == name][:2] for name in sorted(set(speakers.values()))]
    model = speakerssl.load_model("open-speech")
    enrol, other = (
        model.embed_batch([shared_data / "librispeech" / paths[keys[side]] for keys in chosen]) for side in range(2)
    )
    nearest = np.argmax(np.asarray(enrol) @ np.asarray(other).T, axis=1)
    assert (nearest == np.arange(len(chosen))).mean() >= 0.7
    found = model.verify(
        shared_data / "librispeech" / paths[chosen[0][0]], shared_data / "librispeech" / paths[chosen[0][1]]
    )
    assert found.llr is not None
