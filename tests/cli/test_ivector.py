"""`speakerssl ivector`: train and extract as a person calls them."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import read_embeddings
from tests.cli.conftest import call

SMALL = ["--gaussians", 4, "--dim", 3, "--ubm-iterations", 2, "--full-iterations", 1, "--iterations", 2]


def test_train_and_extract(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model"
    trained = call(capsys, "ivector", "train", "--data", data, "--output", model, *SMALL)
    assert trained["model"] == f"{model}/ivector.npz"
    assert len(trained["objectives"]) == 2
    assert trained["objectives"][1] >= trained["objectives"][0]
    # A directory given twice counts once.
    done = call(capsys, "ivector", "extract", "--model", model, "--data", data, data, "--output", tmp_path / "e")
    assert done == {"embeddings": f"{tmp_path}/e/xvector.scp", "recordings": 8, "failed": {}}
    found = read_embeddings(done["embeddings"])
    assert found.matrix.shape == (8, 3)
    assert np.isfinite(found.matrix).all()
    words = ["--model", str(model), "--data", str(data), "--output", str(tmp_path / "e")]
    assert main(["ivector", "extract", *words]) == 0
    assert "8 i-vectors of 3 numbers" in capsys.readouterr().out


def test_excluded_recordings_are_not_seen(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The model is that of a directory without them, to the bit."""
    few = tmp_path / "few"
    few.mkdir()
    lines = (data / "wav.scp").read_text().splitlines(keepends=True)
    (few / "wav.scp").write_text("".join(lines[2:]))
    (tmp_path / "list").write_text("".join(line.split()[0] + "\n" for line in lines[:2]))
    for name, given in (("all", [data, "--exclude", tmp_path / "list"]), ("few", [few])):
        call(capsys, "ivector", "train", "--data", *given, "--output", tmp_path / name, *SMALL)
    one, other = (np.load(tmp_path / name / "ivector.npz") for name in ("all", "few"))
    for key in one.files:
        np.testing.assert_array_equal(one[key], other[key])
    (tmp_path / "list").write_text("".join(line.split()[0] + "\n" for line in lines))
    words = ["--data", str(data), "--exclude", str(tmp_path / "list"), "--output", str(tmp_path / "none")]
    assert main(["ivector", "train", *words]) == 2
    assert "list: leaves no recording of" in capsys.readouterr().err


def test_mistakes_are_one_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (["train", "--data", "nowhere"], "nowhere: is not a directory"),
        (["train", "--data", str(data), "--gaussians", "0"], "gaussians is 0; it must be 1 or more"),
        (["extract", "--data", str(data), "--model", str(tmp_path)], "no i-vector extractor"),
    ):
        assert main(["ivector", *words, "--output", str(tmp_path / "x")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
