"""Notebooks run from the first cell to the last in an empty folder, and show what their text says."""

import base64
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import notebooks
import pytest
from nbclient import NotebookClient

from .conftest import ROOT

TUTORIALS = ROOT / "docs" / "tutorials"


def text_of(notebook: Any) -> str:
    """What the cells printed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`executed(name)` runs a notebook in an empty folder and returns it; a cell that fails is an error."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(name: str) -> Any:
        notebook = nbformat.read(TUTORIALS / name, as_version=4)
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
        return notebook

    return run


def test_score_embeddings(executed: Any, tmp_path: Path) -> None:
    text = text_of(executed("score_embeddings.ipynb"))
    found = re.search(r"EER ([\d.]+) %, 95 % interval ([\d.]+) to ([\d.]+) %", text)
    assert found is not None
    eer, low, high = map(float, found.groups())
    assert low < eer < high
    assert "<html" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_train_and_look(executed: Any) -> None:
    text = text_of(executed("train_and_look.ipynb"))
    before = re.search(r"untrained: EER ([\d.]+) %", text)
    after = re.search(r"^trained: EER ([\d.]+) %", text, re.MULTILINE)
    assert before is not None
    assert after is not None
    assert float(after[1]) < float(before[1])


@pytest.mark.parametrize("path", sorted(TUTORIALS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_stored_notebook_is_executed_and_becomes_a_page(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    images: dict[str, bytes] = {}
    page = notebooks.notebook_page(path, images)
    assert all(cell.source in page for cell in notebook.cells)
    assert images
    for name, data in images.items():
        assert f"]({name})" in page
        assert data.startswith(b"\x89PNG")


def test_pictures_and_text_of_a_cell_are_shown(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("print(1)", execution_count=1)
    cell.outputs = [
        nbformat.v4.new_output("stream", text="\x1b[1m1\x1b[0m\n"),
        nbformat.v4.new_output("display_data", data={"image/png": base64.b64encode(b"png").decode()}),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    images: dict[str, bytes] = {}
    page = notebooks.notebook_page(tmp_path / "a.ipynb", images)
    assert "```{.text .output}\n1\n```" in page
    assert images == {"a-0.png": b"png"}
