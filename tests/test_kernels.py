"""The shared `njit` where nothing can be written: a temporary cache, or none, and one remark."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import speakerssl
from speakerssl import kernels

PACKAGE = Path(speakerssl.__file__).parent
NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def read_only_package(open_folder: Path) -> Path:
    """A copy of the package without compiled code that its user cannot write."""
    library = open_folder / "lib"
    shutil.copytree(PACKAGE, library / "speakerssl", ignore=shutil.ignore_patterns("__pycache__"))
    for path in [library, *library.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return library


COMPILE = """
import numpy
import speakerssl.metrics.summary, speakerssl.report.build, speakerssl.scoring.cosine, speakerssl.trials.score_file
from speakerssl.metrics.roc import first_with_alarms
print(first_with_alarms(numpy.array([4, 2, 1, 0]), 1.0))
"""


def _run(package: Path, temporary: Path) -> subprocess.CompletedProcess[str]:
    """Loads every kernel and compiles one, by a user without a home; as nobody where the tests run as root."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(package), "TMPDIR": str(temporary),
                   "HOME": "/nonexistent", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    command = [sys.executable, "-c", COMPILE]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv to leave root's rights behind")
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)


def test_a_read_only_installation_without_a_home(read_only_package: Path, open_folder: Path) -> None:
    temporary = open_folder / "temporary"
    temporary.mkdir()
    temporary.chmod(0o777)
    first = _run(read_only_package, temporary)
    assert (first.returncode, first.stdout) == (0, "2\n"), first.stderr
    assert first.stderr.count("compiled code is kept in") == 1
    assert len(first.stderr.splitlines()) == 1
    assert list(temporary.rglob("*.nbi"))
    again = _run(read_only_package, temporary)
    assert (again.returncode, again.stdout, again.stderr) == (0, "2\n", "")


def test_no_cache_at_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(function: Callable[..., object], cache: bool = False, **options: object) -> Callable[..., object]:
        if cache:
            raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")
        return function

    monkeypatch.setattr(kernels, "_private_folder", lambda folder: (False, False))
    monkeypatch.setattr(kernels, "_temporary_cache", [])
    monkeypatch.setattr("speakerssl.kernels.numba.njit", refuse)
    assert kernels.njit(abs)(-3) == 3
    assert kernels.njit(abs)(-4) == 4
    assert capsys.readouterr().err.count("cannot be kept anywhere") == 1


def test_a_folder_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    assert kernels._private_folder(tmp_path / "own") == (True, True)
    assert kernels._private_folder(tmp_path / "own") == (False, True)
    (tmp_path / "own").chmod(0o777)
    assert kernels._private_folder(tmp_path / "own") == (False, False)
    (tmp_path / "link").symlink_to(tmp_path)
    assert kernels._private_folder(tmp_path / "link") == (False, False)
    assert stat.S_ISDIR(tmp_path.stat().st_mode)


def test_options_reach_numba() -> None:
    @kernels.njit(inline="always")
    def twice(x: int) -> int:
        return 2 * x

    assert twice(4) == 8
    assert twice.targetoptions["nogil"]


def test_where_nothing_is_compiled_an_intrinsic_is_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.config.DISABLE_JIT", True)
    assert kernels.intrinsic(abs)(len) is abs
