"""Runs recipes as a person does, from the shell."""

import subprocess

import pytest

from tests.scripts import ROOT


@pytest.fixture(scope="session")
def recipe():
    """`recipe("mini", "--steps", "5")` runs recipes/mini/run.sh and returns the finished process."""
    if not (ROOT / ".venv" / ".stamp").exists():
        pytest.skip("recipes run in .venv, which tools/setup.sh has not made")

    def run(name: str, *options: object) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "recipes" / name / "run.sh"), *map(str, options)]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)

    return run
