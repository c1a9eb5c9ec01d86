"""A run that goes on with other recordings says so; one that goes on with its own, and any first start, say nothing."""

import dataclasses
from pathlib import Path

import pytest

from speakerssl.config import ViewsConfig
from speakerssl.data.kaldi import DataDir
from speakerssl.data.views import AudioViews
from speakerssl.resume import IDENTITY
from speakerssl.training.recordings import compare_recordings


@pytest.fixture
def dataset(corpus: Path, tmp_path: Path) -> AudioViews:
    """Three recordings of the corpus in files of one's own."""
    some = list(DataDir.read(corpus / "train").recordings.values())[:3]
    for one in some:
        (tmp_path / f"{one.id}.wav").write_bytes(Path(one.source).read_bytes())
    some = [dataclasses.replace(one, source=str(tmp_path / f"{one.id}.wav")) for one in some]
    return AudioViews(some, [9600] * 3, ViewsConfig(crop_seconds=0.5), None, 0)


def test_a_run_that_goes_on_names_what_was_replaced(dataset, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "exp"
    compare_recordings(output, dataset)
    before = (output / IDENTITY).read_bytes()
    (output / "checkpoints").mkdir()
    (output / "checkpoints" / "step-00000004.pt").write_bytes(b"")
    compare_recordings(output, dataset)
    assert capsys.readouterr().err == ""
    Path(dataset.utterances[1].source).write_bytes(b"other")
    compare_recordings(output, dataset)
    said = capsys.readouterr().err
    assert f"{output}: recordings: 1 changed (the first: '{dataset.ids[1]}') since this run began" in said
    assert (output / IDENTITY).read_bytes() == before  # with which later starts are compared too


def test_before_the_first_checkpoint_a_start_is_a_first_one(dataset, tmp_path: Path, capsys) -> None:
    compare_recordings(tmp_path, dataset)
    before = (tmp_path / IDENTITY).read_bytes()
    Path(dataset.utterances[1].source).write_bytes(b"other")
    compare_recordings(tmp_path, dataset)
    assert capsys.readouterr().err == ""
    assert (tmp_path / IDENTITY).read_bytes() != before
