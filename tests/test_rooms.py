"""The rooms of the package: imports run one way, and what scores needs no torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import speakerssl

PACKAGE = Path(speakerssl.__file__).parent
# From the top of the house to its ground. A room imports from lines below its own; rooms that share a line do not
# know each other. docs/architecture.md draws this list.
LINES = (
    ("cli",),
    ("report", "training", "gallery", "sklearn", "pyannote"),
    ("metrics",),
    ("scoring", "clustering"),
    ("methods", "embeddings", "corruption"),
    ("trials", "encoders", "augment"),
    ("data", "losses"),
    ("features",),
    ("config",),
    ("config_file", "options", "npz"),
    ("option_types",),
    ("resume", "processes", "kmeans"),
    ("executors",),
    ("io", "kernels"),
    ("constants", "lazy"),
    ("errors", "version"),
)
LINE_OF_ROOM = {room: line for line, rooms in enumerate(LINES) for room in rooms}
WITHOUT_TORCH = ("trials", "scoring", "metrics", "report")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """(line of the file, room) of every import of this package, also those inside functions or for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}:{node.lineno}: imports are written in full, without leading dots")
        if not isinstance(node, ast.ImportFrom | ast.Import):
            continue
        prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        for module in (prefix + alias.name for alias in node.names):
            parts = module.split(".")
            if parts[0] == "speakerssl" and len(parts) > 1 and path != (PACKAGE / "__init__.py"):
                yield node.lineno, parts[1]


def test_every_room_has_a_line() -> None:
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert rooms <= set(LINE_OF_ROOM), "a new room needs a line in LINES and in docs/architecture.md"


def test_imports_run_one_way() -> None:
    upward = []
    for path in sorted(PACKAGE.rglob("*.py")):
        here = room_of(path)
        for line, there in imported_rooms(path):
            if there != here and there in LINE_OF_ROOM and LINE_OF_ROOM[there] <= LINE_OF_ROOM[here]:
                upward.append(f"{path.relative_to(PACKAGE.parent)}:{line}: {here} imports {there}")
    assert not upward, "\n".join(upward)


def test_an_upward_import_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "momentum.py"
    path.write_text("def f():\n    from speakerssl.training.schedule import Schedule\n    import speakerssl.io\n")
    assert list(imported_rooms(path)) == [(2, "training"), (3, "io")]
    assert LINE_OF_ROOM["training"] < LINE_OF_ROOM["methods"] < LINE_OF_ROOM["io"]


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_rooms_that_score_import_no_torch(room: str) -> None:
    names = [
        ".".join(("speakerssl", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted((PACKAGE / room).rglob("*.py"))
    ]
    assert names
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
