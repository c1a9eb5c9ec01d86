"""Corrupted copies: complete or not there, in parallel as alone, failures listed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.corruption import write_corrupted
from speakerssl.corruption.channels import ChannelSpec, build_channel
from speakerssl.corruption.write_corrupted import CLEAN, CorruptedCopy, write_copies
from speakerssl.data.utterance import Utterance
from tests.augment.conftest import voiced


def test_loud_waves_are_turned_down_not_clipped(tmp_path: Path) -> None:
    wave = np.array([0, 40000, -60000, 100], np.float32)
    write_corrupted._write_flac(tmp_path / "loud.flac", wave, "words")
    written = soundfile.read(tmp_path / "loud.flac", dtype="int16")[0]
    np.testing.assert_allclose(written / written[2], wave / wave[2], atol=1e-4)
    assert written.min() > -32768


@pytest.fixture
def copies(tmp_path: Path, make_audio: Callable[..., Path]) -> list[CorruptedCopy]:
    """A clean stretch and two corrupted copies, in folders that are not there yet."""
    audio = [make_audio(f"{name}.flac", voiced(seed=seed)) for seed, name in enumerate("abc")]
    utterances = [Utterance(path.stem, str(path)) for path in audio]
    out = tmp_path / "out" / "audio"
    return [
        CorruptedCopy("a", utterances[0], str(out / "a.flac"), start=0.5, duration=1.0, corrupt=False),
        CorruptedCopy("b", utterances[1], str(out / "deep" / "b.flac")),
        CorruptedCopy("c", utterances[2], str(out / "c.flac")),
    ]


def test_copies_are_the_channel_of_their_id(copies: list[CorruptedCopy], tmp_path: Path) -> None:
    spec = ChannelSpec("test", 3)
    words, _ = write_copies(copies, spec, tmp_path / "out", jobs=1)
    assert words["a"] == CLEAN
    clean = soundfile.read(copies[0].path, dtype="int16")[0]
    np.testing.assert_array_equal(clean, copies[0].utterance.read(0.5, 1.0))
    expected, said = build_channel(spec)(copies[1].utterance.read(), spec.rng("b"))
    assert words["b"] == said == soundfile.SoundFile(copies[1].path).comment
    written = soundfile.read(copies[1].path, dtype="int16")[0]
    np.testing.assert_allclose(written * (np.abs(expected).max() / np.abs(written).max()), expected, atol=2.0)


def test_what_is_there_is_kept_and_said_again(copies: list[CorruptedCopy], tmp_path: Path) -> None:
    spec = ChannelSpec("test", 3)
    words, _ = write_copies(copies, spec, tmp_path / "out", jobs=1)
    before = {copy.id: Path(copy.path).read_bytes() for copy in copies}
    Path(copies[2].path).unlink()
    assert write_copies(copies, spec, tmp_path / "out", jobs=1) == (words, {})
    assert {copy.id: Path(copy.path).read_bytes() for copy in copies} == before


def test_a_recording_that_cannot_be_read_stops_no_other(copies: list[CorruptedCopy], tmp_path: Path) -> None:
    Path(copies[1].utterance.source).write_bytes(b"")
    words, failed = write_copies(copies, ChannelSpec("test", 3), tmp_path / "out", jobs=1)
    assert (sorted(words), list(failed)) == (["a", "c"], ["b"])
    assert [Path(copy.path).exists() for copy in copies] == [True, False, True]
    assert (tmp_path / "out" / "failed.txt").read_text().startswith("b\t")
