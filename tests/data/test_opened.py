"""Segments of one recording open it, or run its command, once."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import Recording, read_audio
from speakerssl.data.kaldi import DataDir
from speakerssl.data.opened import forget_opened, keep_open


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were opened."""
    opened: list[str] = []
    original = Recording.__init__

    def counting(self, source, *args, **options) -> None:
        opened.append(str(source))
        original(self, source, *args, **options)

    monkeypatch.setattr(Recording, "__init__", counting)
    return opened


def test_a_pipe_runs_once_for_all_its_segments(make_dir, tmp_path: Path, pipes) -> None:
    segments = "".join(f"u{k} a 0.{k} 0.{k}5\n" for k in range(10))
    folder = make_dir("a", segments=segments)
    (folder / "wav.scp").write_text(f"a echo x >> {tmp_path}/count; cat {folder}/a.wav |\n")
    data = DataDir.read(folder)
    assert len(data.durations()) == 10
    assert (tmp_path / "count").read_text() == "x\n"
    whole = read_audio(folder / "a.wav")
    for k, utterance in enumerate(data.utterances):
        np.testing.assert_array_equal(utterance.read(), whole[1600 * k : 1600 * k + 800])
        assert len(utterance.read(0.01, 0.02)) == 320
    assert (tmp_path / "count").read_text() == "x\nx\n"
    DataDir.read(folder).utterances[0].read()
    assert (tmp_path / "count").read_text() == "x\nx\nx\n", "a list that is read again is another job"


def test_a_file_is_opened_again_when_it_was_replaced(make_dir, count) -> None:
    folder = make_dir("a", segments="x a 0 0.5\ny a 0.5 1\n")
    first, second = DataDir.read(folder).utterances
    first.read(), second.read(), first.read()
    assert len(count) == 1
    soundfile.write(folder / "new.wav", np.full(16000, 7, np.int16), 16000)
    os.replace(folder / "new.wav", folder / "a.wav")
    assert set(first.read()) == {7.0}
    assert len(count) == 2


def test_a_forked_process_opens_its_own(make_dir) -> None:
    folder = make_dir("a", segments="x a 0 0.5\ny a 0.5 1\n")
    first, second = DataDir.read(folder).utterances
    expected = second.read()
    opened = keep_open(str(folder / "a.wav"))
    child = os.fork()
    if child == 0:
        os._exit(0 if keep_open(str(folder / "a.wav")) is not opened and len(first.read()) == 8000 else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(second.read(), expected)
    forget_opened()
