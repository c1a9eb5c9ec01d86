"""Inputs of every verb, small, and the moment in which something happens to them."""

import mmap
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest

from speakerssl.cli.main import main
from tests.scripts import ROOT, load_script

SCRIPT = ROOT / "tools" / "faults.py"
PATIENCE = 60.0  # seconds
BEGUN, DONE = 1, 2


class Watch(Protocol):
    """See the fixture `when_opened`."""

    def __call__(self, path: Path, action: Callable[[], object], before: Path | None = None) -> None: ...


@dataclass
class Said:
    """What a verb said, and its exit status."""

    status: int
    lines: list[str]

    def refuses(self, *words: object) -> None:
        """One line with all `words`, and no success."""
        assert self.status in (1, 2), self
        assert "Traceback" not in "".join(self.lines), self
        assert all(str(word) in self.lines[-1] for word in words), self
        assert len(self.lines[-1]) <= 340, self


@dataclass
class Bench:
    """A folder of inputs (see tools/faults.py) and the verbs that read them."""

    faults: ModuleType
    work: Path
    capsys: pytest.CaptureFixture[str]

    def words(self, name: str, out: Path) -> list[str]:
        """The command of the stage `name` that writes into `out`."""
        arguments: str = self.faults.STAGES[name].arguments
        return arguments.replace("--jobs 2", "--jobs 1").format(work=self.work, out=out).split()

    def difference(self, expected: dict[str, bytes], out: Path) -> str:
        """What is otherwise in `out` than in `expected` (of `contents`); '' where nothing is."""
        return str(self.faults._compare(expected, self.contents(out)))

    def contents(self, out: Path) -> dict[str, bytes]:
        """The bytes of each file, with OUT for the folder's own name."""
        found: dict[str, bytes] = self.faults.contents(out)
        return {name: content.replace(bytes(out), b"OUT") for name, content in found.items()}

    def run(self, name: str, out: Path, *more: str) -> Said:
        """Runs a stage in this process."""
        self.capsys.readouterr()
        status = main([*self.words(name, out), *more])
        lines = self.capsys.readouterr().err.strip().splitlines()
        return Said(status, [line for line in lines if not line.startswith("step ")])


@pytest.fixture(scope="session")
def faults() -> ModuleType:
    return load_script(SCRIPT)


@pytest.fixture(scope="session")
def inputs(faults: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs of tools/faults.py, with what one stage reads of another; nobody writes here."""
    work = tmp_path_factory.mktemp("inputs")
    faults.make_inputs(work, recordings=6, vectors=200, pairs=2000)
    config = work / "config.yaml"
    config.write_text(config.read_text().replace("batch_size: 8, steps: 30", "batch_size: 4, steps: 6"))
    for name in ("train", "score"):
        words = faults.STAGES[name].arguments.format(work=work, out=work / name).split()
        assert main(words) == 0
    return work


@pytest.fixture
def bench(faults: ModuleType, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    """A copy of the inputs of one's own, in which every list and configuration names the copy."""
    work = tmp_path / "work"
    shutil.copytree(inputs, work)
    for path in (work / "data" / "wav.scp", work / "config.yaml", *work.glob("*/xvector.scp")):
        path.write_text(path.read_text().replace(str(inputs), str(work)))
    return Bench(faults, work, capsys)


_watched: dict[str, tuple[Callable[[], object], mmap.mmap]] = {}  # the flag is one with all processes that are forked
_waiting: dict[str, mmap.mmap] = {}


def _hear(event: str, args: tuple[object, ...]) -> None:
    place = {"open": 0, "os.rename": 1}.get(event)
    if place is None or not _watched or not isinstance(args[place], (str, bytes, os.PathLike)):
        return
    path = os.path.abspath(os.fsdecode(args[place]))  # type: ignore[arg-type]
    if path in _watched:
        action, flag = _watched[path]
        if flag[0] == 0:
            flag[0] = BEGUN
            action()
            flag[0] = DONE
    if event == "open" and path in _waiting:
        deadline = time.monotonic() + PATIENCE
        while _waiting[path][0] != DONE and time.monotonic() < deadline:
            time.sleep(0.005)  # another thread or process is to be first


@pytest.fixture
def when_opened() -> Iterator[Watch]:
    """`when_opened(file, action)`: `action()` happens when the verb first opens `file`, or renames another to it.

    A verb that reads several recordings at once waits before it opens `before`, until that is done.
    """
    if not getattr(_hear, "added", False):
        sys.addaudithook(_hear)  # for good: there is no way to take it back
        _hear.added = True  # type: ignore[attr-defined]

    def watch(path: Path, action: Callable[[], object], before: Path | None = None) -> None:
        flag = mmap.mmap(-1, 1)
        _watched[os.path.abspath(path)] = (action, flag)
        if before is not None:
            _waiting[os.path.abspath(before)] = flag

    yield watch
    _watched.clear()
    _waiting.clear()
