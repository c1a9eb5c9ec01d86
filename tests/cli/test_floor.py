"""`speakerssl floor`: feature statistics as embeddings, and recordings that cannot be used."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.cli.main import main
from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.floor import feature_statistics
from speakerssl.embeddings.storage import read_embeddings
from tests.cli.conftest import call


def test_what_is_written_is_what_the_room_computes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call(capsys, "floor", "--data", data, "--output", tmp_path / "e")
    assert done == {"embeddings": f"{tmp_path}/e/xvector.scp", "recordings": 8, "failed": {}}
    found, recordings = read_embeddings(done["embeddings"]), DataDir.read(data).recordings
    assert found.ids == list(recordings)
    np.testing.assert_allclose(found.matrix, feature_statistics(list(recordings.values())), atol=1e-6)


def test_silence_is_listed_and_the_others_are_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(data, tmp_path / "data"))
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    (folder / "wav.scp").write_text((data / "wav.scp").read_text() + f"z {folder}/silent.wav\n")
    assert main(["floor", "--data", str(folder), "--output", str(tmp_path / "e")]) == 1
    captured = capsys.readouterr()
    assert "silent.wav" in captured.err
    assert "feature statistics of 8 recordings" in captured.out
    assert (tmp_path / "e" / "failed.txt").read_text().startswith("z")


def test_no_directory_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["floor", "--data", "nowhere", "--output", str(tmp_path / "x")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "nowhere: is not a directory" in line
