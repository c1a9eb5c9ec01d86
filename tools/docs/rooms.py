"""The list of rooms, from the test that guards their imports."""

import ast
from pathlib import Path

import speakerssl

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(speakerssl.__file__).parent


def room_lines() -> list[list[str]]:
    """The lines of `tests/test_rooms.py`, top first, with the rooms that the package has."""
    tree = ast.parse((ROOT / "tests" / "test_rooms.py").read_text())
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "LINES"
    ]
    lines = [[room for room in line if is_there(room)] for line in ast.literal_eval(values[0])]
    return [line for line in lines if line]


def is_there(room: str) -> bool:
    return (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()
