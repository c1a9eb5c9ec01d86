"""A few seconds of `tools/fuzz_coverage.py`: a healthy reader passes, and a defect behind two branches is found."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts import ROOT

SCRIPT = ROOT / "tools" / "fuzz_coverage.py"
# A reader that fails on what begins with 'abcd': by chance one file in four thousand million.
DEFECT = """
import sys
sys.path.insert(0, {tools!r})
import fuzz, fuzz_coverage

def read(path):
    content = path.read_bytes()
    if len(content) < 4 or content[0] != 97:
        return
    if content[1] != 98:
        return
    if content[2] != 99:
        return
    if content[3] == 100:
        raise ZeroDivisionError

def instrumented():
    import atheris
    return {{"defect": fuzz.Reader("defect", atheris.instrument_func(read), [b"----"])}}

fuzz.readers = instrumented
fuzz_coverage.__file__ = __file__
sys.exit(fuzz_coverage.main())
"""


def run(script: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), *words, "--failures", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_a_healthy_reader_passes_and_leaves_what_it_found(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: pip install atheris")
    done = run(SCRIPT, tmp_path, "utt2spk", "--minutes", "0.05", "--keep", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stdout
    assert "utt2spk: " in done.stdout
    assert "nothing but declared errors" in done.stdout
    assert len(list((tmp_path / "kept" / "utt2spk").iterdir())) > 1


def test_a_defect_behind_branches_is_found_and_its_file_left(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: pip install atheris")
    script = tmp_path / "script.py"
    script.write_text(DEFECT.format(tools=str(SCRIPT.parent)))
    done = run(script, tmp_path, "--minutes", "2", "--seed", "1")
    assert done.returncode == 1, done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert [path.read_bytes()[:4] for path in tmp_path.glob("defect-crash-*")] == [b"abcd"]


def test_an_unknown_reader_is_named_with_the_known_ones(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: pip install atheris")
    done = run(SCRIPT, tmp_path, "trails")
    assert done.returncode == 1
    assert done.stderr.startswith("'trails' is in the name of no reader; the readers are: xvector.ark, ")
