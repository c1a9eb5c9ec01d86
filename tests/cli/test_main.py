"""The command line as a whole: help for every verb, quick start, statuses."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from speakerssl.cli.main import VERBS, main


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert f"speakerssl {verb}" in text.split("options:")[0].replace("usage: ", "", 1)
    assert re.search(rf"^(  |eval )?speakerssl {verb} ", text, re.MULTILINE), "no line that can be copied"


def test_top_level_help_lists_the_verbs(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(verb in text for verb in VERBS)


def test_unknown_verb_is_a_usage_error(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["trian"])
    assert stopped.value.code == 2
    assert "invalid choice: 'trian'" in capsys.readouterr().err


SCORING = ["score", "norm", "backend", "calibrate", "fuse", "metrics", "compare", "report"]


def test_scoring_verbs_start_without_torch() -> None:
    code = f"""
import sys
from speakerssl.cli.main import main
for verb in {SCORING}:
    try:
        main([verb, "--help"])
    except SystemExit as end:
        assert end.code == 0
    print([name for name in ("torch", "sklearn", "speechbrain", "matplotlib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines().count("[]") == len(SCORING)


def test_help_imports_nothing_heavy() -> None:
    """What keeps `speakerssl --help` far below a second: not even numpy is read."""
    code = """
import sys
from speakerssl.cli.main import main
try:
    main(["--help"])
finally:
    print([name for name in ("numpy", "torch", "scipy", "numba", "yaml", "rich") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("[]\n"), done.stderr


def completions(line: str, tmp_path: Path) -> list[str]:
    """What the shell is told when Tab is pressed at the end of `line`."""
    answer = tmp_path / "answer"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    subprocess.run([sys.executable, "-m", "speakerssl.cli.main"], env=environment, check=False)
    return answer.read_text().split("\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("speakerssl metr", ["metrics"]),
        ("speakerssl norm --method ", ["z", "t", "s", "as"]),
        ("speakerssl metrics --boot", ["--bootstrap"]),
        ("speakerssl backend tr", ["train"]),
    ],
)
def test_completion_knows_verbs_options_and_values(line: str, expected: list[str], tmp_path: Path) -> None:
    assert completions(line, tmp_path) == expected


def test_the_documented_line_switches_completion_on() -> None:
    page = Path(__file__).resolve().parents[2] / "docs/verbs/index.md"
    documented = re.search(r"^eval .*argcomplete.*$", page.read_text(), re.MULTILINE)
    assert documented is not None
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [bash, "--norc", "-c", f"{documented[0]}\ncomplete -p speakerssl"]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    assert "_python_argcomplete" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.txt"), "a.txt: No such file or directory"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "needs more memory than there is"),
    ],
)
def test_what_no_room_has_caught_is_one_line(monkeypatch, capsys, error: Exception, line: str) -> None:
    def run(args: argparse.Namespace) -> int:
        raise error

    verb = SimpleNamespace(DESCRIPTION="", add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr("speakerssl.cli.main.importlib.import_module", lambda name: verb)
    assert main(["info"]) == 1
    assert capsys.readouterr().err == f"speakerssl info: {line}\n"


def test_no_verb_writes_to_standard_output_instead_of_a_file(capsys) -> None:
    call = ["score", "--embeddings", "x.scp", "--trials", "t", "--output", "-"]
    assert main(call) == 2
    assert "speakerssl score: --output -: cannot be standard output" in capsys.readouterr().err


def test_standard_output_that_is_full_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "speakerssl.cli.main", "info"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "speakerssl info: No space left on device"


def test_no_torch_on_this_path(corpus: Path) -> None:
    code = (
        "import sys; from speakerssl.cli.main import main\n"
        "scoring = ['score', '--embeddings', 'emb/xvector.scp', '--trials', 'list_a.txt', '--output', 's']\n"
        "assert main([*scoring, '--metrics']) == 0\n"
        "assert main(['metrics', '--scores', 's', '--trials', 'list_a.txt', '--bootstrap', '5']) == 0\n"
        "assert main(['compare', '--scores', 's', 's', '--trials', 'list_a.txt', '--bootstrap', '5']) == 0\n"
        "heavy = {'torch', 'torchaudio', 'sklearn', 'speechbrain', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=corpus)
    assert done.returncode == 0, done.stderr
