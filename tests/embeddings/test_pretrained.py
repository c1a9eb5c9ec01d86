"""Models that come with the package, by name."""

from pathlib import Path

import pytest

from speakerssl.embeddings import pretrained
from speakerssl.embeddings.pretrained import pretrained_names, resolve_model


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
