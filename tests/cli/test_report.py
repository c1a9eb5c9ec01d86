"""`speakerssl report` as a person calls it: exit status, one line of complaint."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main

Lists = tuple[Path, Path, np.ndarray, np.ndarray]


def test_writes_the_page_the_plots_and_says_where(
    tmp_path: Path, small_list: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    trials, score_file, _, _ = small_list
    page, plots = tmp_path / "page.html", tmp_path / "plots"
    command = ["report", "--scores", str(score_file), "--trials", str(trials), "--output", str(page), "--title", "T",
               "--utt2spk", str(tmp_path / "utt2spk"), "--bootstrap", "10", "--p-target", "0.1",
               "--plots-dir", str(plots)]  # fmt: skip
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert f"{page}: " in printed
    assert f"{plots}: 6 plot files" in printed
    assert main([*command, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["report"] == str(page)
    assert done["trials"] == 2556
    assert len(done["plots"]) == 6
    assert 0 < done["systems"][0]["eer"] < 0.3
    assert "min_dcf@0.1" in done["systems"][0]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--p-target", "1.5"], "--p-target is 1.5; it must lie between 0 and 1"),
        (["--bootstrap", "-1"], "--bootstrap -1: must not be negative"),
        (["--audio-mb", "-2"], "--audio-mb -2: must not be negative"),
        (["--names", "a", "b"], "--names has 2 names for 1 score files"),
        (["--slice", "absent"], "absent: cannot be read"),
        (["--audio", "absent"], "absent: cannot be read"),
        (["--bootstrap", "5"], "--utt2spk"),
    ],
)
def test_bad_options_are_one_line_and_exit_2(
    tmp_path: Path, small_list: Lists, capsys: pytest.CaptureFixture[str], extra: list[str], message: str
) -> None:
    trials, score_file, _, _ = small_list
    page = tmp_path / "page.html"
    status = main(["report", "--scores", str(score_file), "--trials", str(trials), "--output", str(page), *extra])
    error = capsys.readouterr().err
    assert status == 2
    assert message in error
    assert error.count("\n") == 1
    assert not page.exists()


def test_no_torch_on_this_path(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    code = (
        "import sys; from speakerssl.cli.main import main; status = main(sys.argv[1:]); "
        "sys.exit(status or ('torch' in sys.modules) * 9 or ('matplotlib' in sys.modules) * 8)"
    )
    command = ["report", "--scores", str(score_file), "--trials", str(trials), "--output", str(tmp_path / "page.html")]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
