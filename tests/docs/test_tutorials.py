"""The commands of a tutorial are run as they stand on the page."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import speakerssl
from speakerssl.cli.main import VERBS, build_parser
from speakerssl.encoders import ENCODERS
from speakerssl.methods import METHODS

from .conftest import ROOT, blocks_of

PACKAGE = Path(speakerssl.__file__).parent


def test_somebody_elses_scores(page_doer: Callable[[str, Path], list[str]], tmp_path: Path) -> None:
    assert page_doer("tutorials/somebody_elses_scores.md", PACKAGE) == []
    assert "<html" in (tmp_path / "report.html").read_text()
    assert len((tmp_path / "second_llr.txt").read_text().splitlines()) == 4000


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_parses(page: Path) -> None:
    """Options that a page names exist; upper-case words stand for values."""
    for block in blocks_of(page):
        if block.kind != "sh":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] != ["speakerssl"] or words[1] not in VERBS:
                continue
            args = build_parser(words[1]).parse_args(words[1:])  # exits where an option is unknown
            assert args.verb == words[1]


def test_every_recipe_that_a_page_names_exists() -> None:
    for page in PAGES:
        for name in re.findall(r"(recipes/[\w/]+\.(?:sh|yaml|md))", page.read_text()):
            assert (ROOT / name).is_file(), f"{page}: {name}"


def test_the_readme_is_complete_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert not [verb for verb in VERBS if f"`{verb}`" not in text]
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https:") or (ROOT / target).exists(), target
    for encoder in ENCODERS:
        assert f"`{encoder}`" in text, encoder
    for method in METHODS:
        assert f"`{method}`" in text, method
