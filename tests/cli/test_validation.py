"""`speakerssl validation`: trials without labels from halves of recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.cli.main import main
from speakerssl.trials.trial_list import read_trials
from tests.cli.conftest import call


def test_trials_of_halves(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "validation", "--data", data, "--output", tmp_path / "v", "--num-recordings", 4, "--min-half",
                0.5, "--jobs", 1)  # fmt: skip
    trials = read_trials(done["trials"])
    assert len(trials) == 4 * 4  # there are no twenty others
    assert trials.require_labels().sum() == 4
    assert len((tmp_path / "v" / "recordings").read_text().split()) == 4


def test_a_silent_half_fails_by_name_while_the_others_go_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "data"
    copied.mkdir()
    soundfile.write(tmp_path / "silent.wav", np.zeros(32000), 16000)
    (copied / "wav.scp").write_text((data / "wav.scp").read_text() + f"silent {tmp_path}/silent.wav\n")
    words = ["--data", copied, "--output", tmp_path / "v", "--min-half", 0.5, "--jobs", 1]
    for _ in range(2):  # the second time nothing is left to do, and it is said again
        assert main(["validation", *map(str, words)]) == 1
        assert "silent" not in (tmp_path / "v" / "recordings").read_text().split()
    first = (tmp_path / "v" / "failed.txt").read_text().splitlines()[0]
    assert first.startswith("silent-enrol\t")
    assert "or its channels cancel out" in first
    capsys.readouterr()
    words[3] = tmp_path / "kept"
    assert main(["validation", *map(str, words), "--on-no-speech", "keep"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere", "--output", "y"], "nowhere"),
        (["--data", "x", "--output", "y", "--jobs", "-1"], "--jobs is -1"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["validation", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("y").exists()
