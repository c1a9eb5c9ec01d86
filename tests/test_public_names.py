"""The page of public names and the code say the same."""

import importlib
import re
from pathlib import Path

import pytest

import speakerssl

PAGE = Path(__file__).resolve().parents[1] / "docs" / "public_names.md"
STABLE = re.findall(r"^\| `(speakerssl\.[\w.]+)` \|", PAGE.read_text(), re.MULTILINE)
ROOMS = sorted(path.parent.name for path in Path(speakerssl.__file__).parent.glob("*/__init__.py"))


def test_the_page_has_names() -> None:
    assert len(STABLE) == len(set(STABLE)) > 20
    assert {"speakerssl.load_model", "speakerssl.trials.read_trials", "speakerssl.metrics.compute_eer"} <= set(STABLE)


@pytest.mark.parametrize("name", STABLE)
def test_a_stable_name_can_be_imported_and_is_documented(name: str) -> None:
    package, _, attribute = name.rpartition(".")
    module = importlib.import_module(package)
    assert attribute in module.__all__
    value = getattr(module, attribute)
    assert isinstance(value, (str, dict, tuple)) or value.__doc__


def test_every_name_of_the_package_itself_is_stable() -> None:
    assert {f"speakerssl.{name}" for name in speakerssl.__all__} <= set(STABLE)


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "cli"])
def test_what_a_room_exports_exists(room: str) -> None:
    module = importlib.import_module(f"speakerssl.{room}")
    assert module.__doc__
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))
