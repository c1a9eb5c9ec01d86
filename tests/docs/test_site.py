"""The site builds without a warning, and fetches nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tools/docs.sh builds."""
    directory = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "true"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def test_no_page_needs_the_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="(https?:[^"]+)"', page.read_text())
        loaded += re.findall(r'<link[^>]* rel="stylesheet"[^>]* href="(https?:[^"]+)"', page.read_text())
        assert not loaded, page


def test_the_pages_that_are_made_from_code_are_there(site: Path) -> None:
    assert "--p-target" in (site / "verbs/score.html").read_text()
    assert "<math" in (site / "losses/margins/additive.html").read_text()
    assert "<svg" in (site / "rooms.svg").read_text()
    assert "ContrastiveLoss" in (site / "reference/losses.html").read_text()
    assert "$$" not in (site / "losses/index.html").read_text()


def test_the_script_is_what_a_person_runs() -> None:
    script = (ROOT / "tools/docs.sh").read_text()
    assert "mkdocs build --strict" in script
    assert os.access(ROOT / "tools/docs.sh", os.X_OK)
