"""The version is one and the same wherever it is read."""

import re
from importlib.metadata import version
from pathlib import Path

import speakerssl
from speakerssl.version import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_one_version_everywhere() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([abc]\d+|rc\d+|\.dev\d+)?", __version__)
    assert speakerssl.__version__ == version("speakerssl") == __version__
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
