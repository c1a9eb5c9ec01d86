"""Runs recipes as a person does, from the shell."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_script(path: Path) -> ModuleType:
    """A script of a recipe as a module, without a package around it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def recipe():
    """`recipe("mini", "--steps", "5")` runs recipes/mini/run.sh and returns the finished process."""
    if not (ROOT / ".venv" / ".stamp").exists():
        pytest.skip("recipes run in .venv, which tools/setup.sh has not made")

    def run(name: str, *options: object) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "recipes" / name / "run.sh"), *map(str, options)]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)

    return run
