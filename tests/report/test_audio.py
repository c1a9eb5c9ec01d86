"""Recordings in the page: once each, bounded, linked beyond, and a broken one never stops a report."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.errors import InputError
from speakerssl.report.audio import AudioShelf, data_uri


def write_tones(folder: Path, count: int, seconds: float = 1.0) -> Path:
    """A wav.scp of `count` tones under relative paths."""
    (folder / "wav").mkdir()
    wave = 0.2 * np.sin(2 * np.pi * 440 * np.arange(int(16000 * seconds)) / 16000)
    for k in range(count):
        soundfile.write(folder / "wav" / f"{k}.wav", wave, 16000)
    scp = folder / "wav.scp"
    scp.write_text("".join(f"utt{k} wav/{k}.wav\n" for k in range(count)))
    return scp


def decode(uri: str) -> tuple[np.ndarray, int]:
    assert uri.startswith(("data:audio/mpeg;base64,", "data:audio/wav;base64,"))
    return soundfile.read(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_the_embedded_recording_is_the_recording(tmp_path: Path) -> None:
    shelf = AudioShelf(write_tones(tmp_path, 1))
    assert shelf.clip("utt0").index == 0
    samples, rate = decode(shelf.uris[0])
    assert rate == 16000
    spectrum = np.abs(np.fft.rfft(samples[2000:10000]))
    assert np.argmax(spectrum) * 16000 / 8000 == pytest.approx(440, abs=3)
    assert np.abs(samples[4000:8000]).max() == pytest.approx(0.2, abs=0.02)


def test_loud_samples_are_clipped_not_wrapped() -> None:
    samples, _ = decode(data_uri(np.full(8000, 60000.0, np.float32)))
    assert samples[3000:6000].min() > 0.5


def test_each_recording_once_within_the_budget(tmp_path: Path) -> None:
    scp = write_tones(tmp_path, 6)
    first = AudioShelf(scp)
    first.clip("utt0")
    size = len(first.uris[0])
    shelf = AudioShelf(scp, budget=int(2.6 * size))
    clips = [shelf.clip(f"utt{k}") for k in range(6)]
    assert shelf.clip("utt0") is clips[0]
    assert [clip.index for clip in clips] == [0, 1, None, None, None, None]
    assert sum(map(len, shelf.uris)) <= 2.6 * size
    assert clips[3].link == (tmp_path / "wav" / "3.wav").as_uri()


def test_no_budget_links_everything_without_reading(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SPEAKERSSL_ALLOW_PIPES", "1")
    scp = tmp_path / "wav.scp"
    scp.write_text("a /nowhere/a.wav\nb cat b.wav |\n")
    shelf = AudioShelf(scp, budget=0)
    assert shelf.clip("a").link == "file:///nowhere/a.wav"
    assert shelf.clip("b").note == "made by a command; not embedded"


def test_long_recordings_are_cut_and_say_so(tmp_path: Path) -> None:
    shelf = AudioShelf(write_tones(tmp_path, 1, seconds=3.0), seconds=1.5)
    assert shelf.clip("utt0").note == "first 1.5 s"
    assert len(decode(shelf.uris[0])[0]) / 16000 == pytest.approx(1.5, abs=0.15)


def test_pipes_and_segments(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SPEAKERSSL_ALLOW_PIPES", "1")
    write_tones(tmp_path, 1, seconds=3.0)
    (tmp_path / "wav.scp").write_text(f"rec cat {tmp_path}/wav/0.wav |\n")
    (tmp_path / "segments").write_text("part rec 0.5 1.25\n")
    shelf = AudioShelf(tmp_path / "wav.scp")
    assert shelf.clip("rec").index == 0
    assert shelf.clip("part").index == 1
    assert len(decode(shelf.uris[1])[0]) / 16000 == pytest.approx(0.75, abs=0.15)


def test_broken_recordings_are_noted(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"not audio at all")
    scp = tmp_path / "wav.scp"
    scp.write_text(f"a {tmp_path}/bad.wav\nb {tmp_path}/absent.wav\n")
    shelf = AudioShelf(scp)
    assert "cannot be played" in shelf.clip("a").note
    assert "absent.wav" in shelf.clip("b").note
    assert shelf.clip("c").note == "not in wav.scp"
    assert shelf.uris == []
    with pytest.raises(InputError, match="cannot be read"):
        AudioShelf(tmp_path / "none.scp")
