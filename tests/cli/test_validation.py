"""`speakerssl validation`: trials without labels from halves of recordings."""

from pathlib import Path

import pytest

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
