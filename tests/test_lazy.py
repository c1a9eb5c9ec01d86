"""Lazy exports: names come on first use, and the three lists of every package agree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import speakerssl
from speakerssl.lazy import lazy_exports

PACKAGE = Path(speakerssl.__file__).parent
LAZY = sorted(path for path in PACKAGE.rglob("__init__.py") if "lazy_exports(" in path.read_text())


def test_a_name_is_imported_when_it_is_asked_for() -> None:
    get_attribute, list_attributes = lazy_exports("speakerssl", {"data.audio": ("read_audio",)})
    assert "read_audio" in list_attributes()
    assert get_attribute("read_audio").__module__ == "speakerssl.data.audio"
    delattr(speakerssl, "read_audio")  # the first use stored it in the package


def test_an_unknown_name_is_an_attribute_error() -> None:
    get_attribute, _ = lazy_exports("speakerssl", {"errors": ("InputError",)})
    with pytest.raises(AttributeError, match="module 'speakerssl' has no attribute 'nothing'"):
        get_attribute("nothing")


@pytest.mark.parametrize("modules", [{"a": ("x",), "b": ("x",)}, {"a": ("x",), "x": ("y",)}])
def test_ambiguous_names_are_refused(modules: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="x is"):
        lazy_exports("speakerssl", modules)


@pytest.mark.parametrize("path", LAZY, ids=lambda path: str(path.parent.relative_to(PACKAGE)))
def test_types_names_and_all_agree(path: Path) -> None:
    tree = ast.parse(path.read_text())
    package = ".".join(("speakerssl", *path.parent.relative_to(PACKAGE).parts))
    for_checkers: dict[str, str] = {}
    at_run_time: dict[str, str] = {}
    public: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom)
                for alias in line.names:
                    for_checkers[alias.asname or alias.name] = str(line.module)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "lazy_exports":
            for module, names in ast.literal_eval(node.args[1]).items():
                at_run_time |= dict.fromkeys(names, f"{package}.{module}")
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            public = ast.literal_eval(node.value)
    assert for_checkers == at_run_time
    assert set(at_run_time) <= set(public)
    clashes = {name for name in at_run_time if (path.parent / f"{name}.py").exists() or (path.parent / name).is_dir()}
    assert not clashes, "importing a module of that name would replace the public name"


def test_importing_every_room_imports_no_torch() -> None:
    rooms = [".".join(("speakerssl", *path.parent.relative_to(PACKAGE).parts)) for path in LAZY]
    code = f"import importlib, sys\nfor room in {rooms}: importlib.import_module(room)\nprint('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
