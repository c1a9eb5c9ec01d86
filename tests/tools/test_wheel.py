"""The wheel that `python -m build` makes works in an environment of its own: command, package data, types.

The new environments get the wheel alone. What it depends on is lent by a path file, so that the test takes seconds
instead of gigabytes: to one all site-packages of this environment (an editable installation there is not followed by
such a path, and the test checks that the code really comes from the wheel), to the other what the wheel requires
without an extra, and nothing else: the base installation, without torch.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from packaging.requirements import Requirement

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


def make_environment(directory: Path, wheel: Path, lent: Path | str) -> Path:
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index")
    run(*pip, wheel, cwd=directory)
    site_packages = next(directory.glob("lib/python*/site-packages"))
    (site_packages / "lent.pth").write_text(f"{lent}\n")
    return directory


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment"), wheel, sysconfig.get_paths()["purelib"])


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the base installation: links to what the wheel requires without an extra."""
    lent = tmp_path_factory.mktemp("lent")
    content = zipfile.ZipFile(wheel)
    metadata_file = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
    lines = content.read(metadata_file).decode().splitlines()
    waiting = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    linked = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.name in linked or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        linked.add(requirement.name)
        distribution = metadata.distribution(requirement.name)
        waiting += distribution.requires or []
        for top in {path.parts[0] for path in distribution.files or []} - {"..", "__pycache__"}:
            if not (lent / top).exists():
                (lent / top).symlink_to(Path(str(distribution.locate_file(top))))
    return make_environment(tmp_path_factory.mktemp("base"), wheel, lent)


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings that pass for speech: harmonics whose loudness comes and goes."""
    folder, time = tmp_path_factory.mktemp("voices"), np.arange(24_000) / 16_000
    for name, pitch in (("a", 110), ("b", 210)):
        tone = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
        soundfile.write(folder / f"{name}.wav", 0.1 * tone * (1 + np.sin(8 * np.pi * time)), 16_000)
    return folder


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


def test_the_base_installation_embeds_and_decides_without_torch(base: Path, voices: Path) -> None:
    command = base / "bin" / "speakerssl"
    code = "from importlib.util import find_spec; print([n for n in ('torch', 'speechbrain', 'onnx') if find_spec(n)])"
    assert run(base / "bin" / "python", "-c", code, cwd=base) == "[]\n"
    run(command, "embed", voices, "--output", "two.npz", cwd=base)
    run(command, "embed", "--output", "list.ark", voices, cwd=base)
    found = json.loads(run(command, "verify", voices / "a.wav", voices / "a.wav", "--json", cwd=base))
    assert found["same"]
    for name in "ab":
        run(command, "enrol", "--gallery", "staff.db", "--name", name, voices / f"{name}.wav", cwd=base)
    assert "b" in run(command, "identify", "--gallery", "staff.db", voices / "b.wav", cwd=base).split()


def test_the_base_installation_scores_without_torch(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # a new place would compile everything again
    command = base / "bin" / "speakerssl"
    rng = np.random.default_rng(0)
    voices = rng.standard_normal((4, 8))
    rows = {f"u{i}": voices[i // 5] + 0.5 * rng.standard_normal(8) for i in range(20)}
    np.savez(base / "x.npz", ids=np.array(list(rows)), embeddings=np.stack(list(rows.values())).astype(np.float32))
    trials = [(f"u{i}", f"u{j}", "target" if i // 5 == j // 5 else "nontarget") for i in range(20) for j in range(i)]
    (base / "trials").write_text("".join(" ".join(trial) + "\n" for trial in trials))
    run(command, "score", "--embeddings", "x.npz", "--trials", "trials", "--output", "scores.txt", cwd=base)
    asked = ("--scores", "scores.txt", "--trials", "trials")
    assert "eer" in run(command, "metrics", *asked, "--json", cwd=base).lower()
    run(command, "report", *asked, "--output", "report.html", cwd=base)


def test_what_needs_torch_names_the_extra_in_one_line(base: Path) -> None:
    command = base / "bin" / "speakerssl"
    for words in (["train", "--config", "none.yaml", "--output", "exp"], ["info", "--model", "open-speech"]):
        done = subprocess.run([command, *words], cwd=base, capture_output=True, text=True)
        assert done.returncode == 1
        needs = "needs torch, which is not installed: pip install 'speakerssl[train]'\n"
        assert done.stderr == f"speakerssl {words[0]}: {needs}"
    code = """
import speakerssl, sys
from speakerssl.cli.main import VERBS, build_parser
for verb in VERBS:
    assert build_parser(verb).format_help()
try:
    speakerssl.load_model(sys.prefix)
except speakerssl.errors.JobError as error:
    print(error)
"""
    assert run(base / "bin" / "python", "-c", code, cwd=base).endswith("pip install 'speakerssl[train]'\n")
