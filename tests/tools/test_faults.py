"""A few kills of the stages that start quickly; `tools/faults.py` does twenty of every stage."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.scripts import ROOT, load_script

SCRIPT = ROOT / "tools" / "faults.py"


@pytest.fixture(scope="module")
def faults() -> ModuleType:
    return load_script(SCRIPT)


@pytest.fixture(scope="module")
def work(faults: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    faults.make_inputs(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prepare", "shard", "score", "norm", "report"])
def test_killed_twice_a_stage_comes_back_bit_for_bit(faults: ModuleType, work: Path, name: str) -> None:
    assert faults.difference(faults.STAGES[name], work, 2, seed=1) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prepare", "features", "shard", "train", "score"])
def test_a_full_disk_is_one_line_and_the_next_run_completes(faults: ModuleType, work: Path, name: str) -> None:
    try:
        assert faults.full_disk(faults.STAGES[name], work) == ""
    except PermissionError as error:
        pytest.skip(str(error))


def test_what_differs_is_named(faults: ModuleType) -> None:
    assert faults._compare({"a": b"1"}, {"a": b"1"}) == ""
    assert faults._compare({"a": b"1"}, {"a": b"2"}) == "a differs"
    assert faults._compare({"a": b"1", "b": b""}, {"a": b"1"}) == "b is missing"
    assert faults._compare({"a": b"1"}, {"a": b"1", ".b.tmp": b""}) == ".b.tmp is left over"
