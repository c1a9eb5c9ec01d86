"""Pages are done as they say: their blocks are written, applied and run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)

sys.path.insert(0, str(ROOT / "tools" / "docs"))  # MkDocs finds the modules beside its hooks in the same way


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, the file that its title names ('' for none), its text."""

    kind: str
    title: str
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    for match in BLOCK.finditer(page.read_text()):
        yield Block(match["kind"], match["title"] or "", match["text"])


def apply_diff(text: str, diff: str) -> str:
    """`text` with its one place that fits the context and `-` lines replaced by the context and `+` lines."""
    lines = diff.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    assert text.count(old) == 1, f"{text.count(old)} places, not one, look like\n{old}"
    return text.replace(old, new)


def do_page(page: Path, directory: Path, package: Path) -> list[str]:
    """Writes and runs a page's blocks in `directory`; paths of the package are those of the copy above `package`.

    Returns the files of the package that were written or changed.
    """
    touched: dict[str, None] = {}
    for block in blocks_of(page):
        if block.title.startswith("speakerssl/"):
            path = package.parent / block.title
            touched[block.title] = None
            path.write_text(apply_diff(path.read_text(), block.text) if block.kind == "diff" else block.text)
        elif block.title:
            (directory / block.title).write_text(block.text)
        elif block.kind in ("sh", "python"):
            command = ["bash", "-euo", "pipefail", "-c"] if block.kind == "sh" else [sys.executable, "-c"]
            run([*command, block.text], directory, package)
        if block.title == "check.py":
            run([sys.executable, "check.py"], directory, package)
    return list(touched)


def run(command: list[str], directory: Path, package: Path) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def page_doer(tmp_path: Path) -> Callable[[str, Path], list[str]]:
    """`page_doer("tutorials/x.md", package)` does a page of docs/ in a new folder."""

    def do(name: str, package: Path) -> list[str]:
        return do_page(ROOT / "docs" / name, tmp_path, package)

    return do
