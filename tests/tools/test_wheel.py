"""The wheel that `python -m build` makes works in an environment of its own: command, package data, types.

The new environment gets the wheel alone. What it depends on (torch, numpy, ...) is lent by a path file that names the
site-packages of this environment, so that the test takes seconds instead of gigabytes; an editable installation there
is not followed by such a path, and the test checks that the code really comes from the wheel.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import speakerssl

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("speakerssl", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def run(*command: str | Path, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves folders in its source tree."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    assert len(list(out.glob("*.tar.gz"))) == 1
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=directory,
    )
    site_packages = next(directory.glob("lib/python*/site-packages"))
    (site_packages / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return directory


def test_the_wheel_holds_the_licence_and_all_that_is_no_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "recipes", "docs", "tools"))]
    data = [
        path.relative_to(ROOT)
        for path in sorted((ROOT / "speakerssl").rglob("*"))
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    ]
    assert "speakerssl/py.typed" in map(str, data)
    assert not [path for path in data if str(path) not in names]


def test_the_command_works_from_the_wheel(environment: Path) -> None:
    code = "import speakerssl.report; print(speakerssl.report.__file__)"
    assert run(environment / "bin" / "python", "-c", code, cwd=environment).startswith(str(environment))
    version = run(environment / "bin" / "speakerssl", "--version", cwd=environment)
    assert version == f"speakerssl {speakerssl.__version__}\n"


def test_the_report_finds_its_page_in_the_wheel(environment: Path) -> None:
    code = "from importlib.resources import files; print(files('speakerssl.report').joinpath('page.html').read_text())"
    assert "<html" in run(environment / "bin" / "python", "-c", code, cwd=environment)
