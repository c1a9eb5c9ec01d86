"""Outputs that cannot be written, or are gone in mid-run: one line that names them, and nothing half-written."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import SCRIPT, Bench, Said, Watch

NAMES = ("prepare", "features", "shard", "train", "extract", "validate", "cluster", "score", "norm", "report")
FOLDERS = ("prepare", "features", "shard", "train", "extract")  # whose output is one; that of the others is a file
LOCKED = ("features", "shard", "train", "extract")  # which write while they run
# Runs stages one after the other in one process; prints what each said and its status.
RUNNER = """
import contextlib, importlib.util, io, json, sys
from pathlib import Path
from speakerssl.cli.main import main
spec = importlib.util.spec_from_file_location("faults", sys.argv[1])
faults = sys.modules["faults"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faults)
said = {}
for name in sys.argv[4:]:
    words = faults.STAGES[name].arguments.format(work=sys.argv[2], out=sys.argv[3]).split()
    with contextlib.redirect_stderr(io.StringIO()) as errors, contextlib.redirect_stdout(io.StringIO()):
        status = main(words)
    said[name] = {"status": status, "lines": errors.getvalue().strip().splitlines()}
print(json.dumps(said))
"""
HOW = {
    # A file system that is mounted for reading alone, which only this process sees.
    "file system": [
        "unshare",
        "-m",
        "sh",
        "-c",
        'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
    ],
    # A folder without the right to write, for a root that has given up its right to write everywhere.
    "folder": ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", "sh", "-c", 'exec "$@"'],
}


@pytest.fixture(scope="module", params=HOW)
def read_only(request: pytest.FixtureRequest, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each stage says whose output lies in a place that is only for reading, and the files of that place."""
    place = tmp_path_factory.mktemp("read_only")
    (place / "kept").write_text("old")
    place.chmod(0o555)
    out = place / "new" / "out"
    command = [*HOW[request.param], str(place), sys.executable, "-c", RUNNER, str(SCRIPT), str(inputs), str(out)]
    try:
        done = subprocess.run([*command, *NAMES], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"needs {error.filename}")
    finally:
        place.chmod(0o755)
    if any(word in done.stderr for word in ("mount:", "unshare:", "setpriv:")):
        pytest.skip(f"this machine does not allow it: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    left = sorted(str(path.relative_to(place)) for path in place.rglob("*"))
    return {"said": json.loads(done.stdout), "out": out, "left": left}


@pytest.mark.parametrize("name", NAMES)
def test_a_place_that_is_only_for_reading(read_only: dict[str, Any], name: str) -> None:
    said = Said(**read_only["said"][name])
    said.refuses(read_only["out"], "cannot be written", "name another output")
    assert any(reason in said.lines[-1] for reason in ("Read-only file system", "Permission denied"))
    assert len(said.lines) == 1, "it is found out before anything is done"
    assert read_only["left"] == ["kept"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_in_place_of_a_folder(bench: Bench, tmp_path: Path, name: str) -> None:
    (tmp_path / "out").write_text("mine")
    said = bench.run(name, tmp_path / "out")
    said.refuses(tmp_path / "out", "cannot be written")
    assert len(said.lines) == 1
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(FOLDERS)))
def test_a_folder_in_place_of_a_file(bench: Bench, tmp_path: Path, name: str) -> None:
    file = Path(bench.words(name, tmp_path / "out")[-1])
    if name == "score":  # of several lists, --output is a folder; a score file of one list may also go into it
        file /= "trials.scores"
    file.mkdir(parents=True)
    (file / "kept").write_text("mine")
    said = bench.run(name, tmp_path / "out")
    said.refuses(file, "is a folder; name")
    assert bench.contents(file) == {"kept": b"mine"}


@pytest.mark.parametrize("name", NAMES)
def test_removed_in_mid_run(bench: Bench, when_opened: Watch, tmp_path: Path, name: str) -> None:
    """Either all is on disk in the end, or one line says what happened and the next run is the undisturbed one."""
    out = tmp_path / "out"
    assert bench.run(name, out).status == 0
    expected = bench.contents(out)
    shutil.rmtree(out)
    out.mkdir()
    last = {"cluster": "vectors/xvector.ark", "score": "vectors/xvector.ark", "norm": "cohort/xvector.ark",
            "report": "score/scores"}.get(name, "audio/s5-5.flac")  # fmt: skip
    when_opened(bench.work / last, lambda: shutil.rmtree(out))
    said = bench.run(name, out)
    if said.status:
        said.refuses(out, "was removed", "run the command again")
        assert name in LOCKED
        assert bench.run(name, out).status == 0
    assert bench.difference(expected, out) == ""
