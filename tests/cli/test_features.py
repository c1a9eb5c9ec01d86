"""`speakerssl features`: what a store holds."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from tests.cli.conftest import call

SPEECH = "{energy_threshold: 0, energy_mean_scale: 1.0, frames_context: 0, proportion_threshold: 0.6}"


def test_a_store_holds_frames_of_speech_alone(data, config, tmp_path, capsys) -> None:
    lengths = {}
    for name, vad in (("all", "false"), ("speech", SPEECH)):
        call(capsys, "features", "--config", config, "--set", f"features.vad={vad}", "--data", data, "--copies", 1,
             "--jobs", 1, "--output", tmp_path / name)  # fmt: skip
        lengths[name] = np.diff(np.load(tmp_path / name / "index.npz")["offsets"])
    assert (lengths["speech"] < lengths["all"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "none.yaml", "--data", "x", "--output", "y"], "none.yaml: cannot be read"),
        (["--config", "c", "--data", "x", "--output", "y", "--jobs", "-1"], "--jobs is -1; it must be 0 or more"),
        (["--config", "c", "--data", "x", "--output", "y", "--copies", "-1"], "--copies is -1"),
        (["--config", "c", "--data", "x", "--output", "y", "--part", "3/2"], "--part 3/2: expected I/N"),
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
    assert main(["features", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("y").exists()


def test_parts_become_the_store_of_one_run(data, config, tmp_path, capsys) -> None:
    words = ("features", "--config", config, "--data", data, "--copies", 1, "--jobs", 1, "--output")
    for part in ("1/2", "2/2"):
        done = call(capsys, *words, tmp_path / "many", "--part", part)
        assert done["parts"] == f"{tmp_path}/many/parts/{part[0]}-of-2"
    for name in ("many", "one"):
        assert call(capsys, *words, tmp_path / name)["recordings"] == 8
    one, many = ({path.name: path.read_bytes() for path in (tmp_path / n).glob("*.*")} for n in ("one", "many"))
    assert one == many
