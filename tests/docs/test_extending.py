"""Each page on how to add something is done in a copy of the package, and touches as few files as it says."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import speakerssl

from .conftest import ROOT, apply_diff

PACKAGE = Path(speakerssl.__file__).parent
PAGES = sorted(path.stem for path in (ROOT / "docs" / "extending").glob("*.md") if path.stem != "index")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_does_what_it_says(
    page: str, page_doer: Callable[[str, Path], list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "speakerssl"
    shutil.copytree(PACKAGE, copy)  # with compiled files: numba's cache goes by the time of a file, which is kept
    touched = page_doer(f"extending/{page}.md", copy)
    said = re.search(
        r"touches \*\*(\d+)\*\* files? of the\s+package", (ROOT / "docs/extending" / f"{page}.md").read_text()
    )
    assert said is not None
    assert len(touched) == int(said[1]) <= 2
    listed = re.search(rf"\| (\d+) \| \[[^]]+\]\({page}\.md\) \|", (ROOT / "docs/extending/index.md").read_text())
    assert listed is not None
    assert int(listed[1]) == len(touched)
    text = (ROOT / "docs/extending" / f"{page}.md").read_text()
    assert 'title="check.py"' in text
    assert "assert" in text.split('title="check.py"')[1]


def test_a_diff_that_fits_nowhere_is_an_error() -> None:
    assert apply_diff("a\nb\nc\n", " a\n-b\n+x\n") == "a\nx\nc\n"
    with pytest.raises(AssertionError, match="0 places"):
        apply_diff("a\nc\n", " a\n-b\n+x\n")
    with pytest.raises(AssertionError, match="2 places"):
        apply_diff("a\na\n", " a\n+x\n")
