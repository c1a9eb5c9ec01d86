"""Reading recordings: formats, crops, channels, rates, and everything that bad input gets."""

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import AudioError, audio_info, check_audio, read_audio
from speakerssl.errors import InputError

LOSSLESS: list[tuple[str, str, str | None]] = [("wav", "WAV", None), ("flac", "FLAC", None)]

LOSSY: list[tuple[str, str, str | None]] = [("ogg", "OGG", "VORBIS"), ("opus", "OGG", "OPUS"), ("mp3", "MP3", None)]


def speech(seconds: float = 1.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    tones = sum(np.sin(2 * np.pi * f * time + p) / 6 for f, p in zip((150, 300, 700, 1900), rng.random(4)))
    return (np.clip(tones + 0.003 * rng.standard_normal(len(time)), -1, 1) * 20000).astype(np.int16)


@pytest.fixture
def write(tmp_path: Path):
    def writer(name: str, samples: np.ndarray, rate: int = 16000, **options: str | None) -> Path:
        soundfile.write(tmp_path / name, samples, rate, **options)
        return tmp_path / name

    return writer


@pytest.mark.parametrize(("suffix", "kind", "subtype"), LOSSLESS)
def test_lossless_files_give_the_int16_samples_and_their_crops(write, suffix, kind, subtype) -> None:
    samples = speech(2.0)
    path = write(f"a.{suffix}", samples, format=kind, subtype=subtype)
    assert audio_info(path) == (32000, 16000)
    whole = read_audio(path)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, samples)
    np.testing.assert_array_equal(read_audio(path, 0.5, 0.75), samples[8000:20000])
    np.testing.assert_array_equal(read_audio(path, 1.5), samples[24000:])
    np.testing.assert_array_equal(read_audio(path, 1.9, 2.0), samples[30400:], "a crop stops at the end")


@pytest.mark.parametrize(("suffix", "kind", "subtype"), LOSSY)
def test_lossy_files_keep_length_and_level(write, suffix, kind, subtype) -> None:
    samples = speech(2.0)
    path = write(f"a.{suffix}", samples, format=kind, subtype=subtype)
    assert check_audio(path) == (32000, 16000)
    whole = read_audio(path)
    assert len(whole) == 32000
    assert np.corrcoef(whole, samples)[0, 1] > 0.98
    crop = read_audio(path, 0.5, 0.75)
    assert len(crop) == 12000
    assert np.corrcoef(crop, whole[8000:20000])[0, 1] > 0.99


def test_float_files_are_scaled_to_the_int16_range(write) -> None:
    path = write("a.wav", np.array([0.5, -1.0, 0.25, 0.0], np.float32), subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(path), [16384, -32768, 8192, 0])


def test_only_the_crop_is_decoded(write, monkeypatch) -> None:
    path, frames = write("a.flac", speech(20.0)), []
    original = soundfile.SoundFile.read

    def counting(self, number=-1, **options):
        frames.append(number)
        return original(self, number, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    read_audio(path, 12.0, 2.0)
    assert frames == [32000]
    audio_info(path)
    assert frames == [32000], "the header alone tells the length"


def test_stereo_is_mixed_by_its_mean_and_said_once(write, caplog) -> None:
    left, right = speech(0.5, seed=1), speech(0.5, seed=2)
    path = write("st.wav", np.stack([left, right], axis=1))
    with caplog.at_level(logging.WARNING):
        mono = read_audio(path)
        read_audio(path)
    np.testing.assert_allclose(mono, (left.astype(float) + right) / 2, atol=0.01)
    assert [record.message for record in caplog.records] == [f"{path}: 2 channels are mixed to mono (said once)"]


def test_8_khz_is_accepted_with_one_warning(write, caplog) -> None:
    time = np.arange(8000) / 8000
    path = write("tel.wav", (10000 * np.sin(2 * np.pi * 1000 * time)).astype(np.int16), 8000)
    with caplog.at_level(logging.WARNING):
        wave = read_audio(path)
        crop = read_audio(path, 0.25, 0.5)
    assert len(caplog.records) == 1
    assert "8000 Hz is resampled to 16000 Hz; there is nothing above 4000 Hz" in caplog.text
    assert (len(wave), len(crop)) == (16000, 8000)
    expected = 10000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    np.testing.assert_allclose(wave[800:-800], expected[800:-800], atol=2)


def test_crops_of_other_rates_have_the_length_asked_for(write) -> None:
    path = write("a.wav", speech(1.0, 44100), 44100)
    assert [len(read_audio(path, start, 0.3)) for start in (0.0, 0.1, 0.1234, 0.7)] == [4800] * 4


def test_missing_empty_and_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no audio at all")
    soundfile.write(tmp_path / "no_samples.wav", np.zeros(0, np.int16), 16000)
    for name, reason in (
        ("missing.wav", "cannot be read: No such file"),
        ("empty.wav", "is empty: 0 bytes"),
        ("text.wav", "is not audio"),
        ("no_samples.wav", "is empty|no samples"),
    ):
        for function in (read_audio, audio_info, check_audio):
            with pytest.raises(AudioError, match=rf"^scp:3: .*{name}: ({reason})"):
                function(tmp_path / name, where="scp:3")


@pytest.mark.parametrize(("suffix", "kind", "subtype"), LOSSLESS + LOSSY)
@pytest.mark.parametrize("kept", [0.95, 0.5])
def test_truncated_files_are_named(write, suffix, kind, subtype, kept) -> None:
    path = write(f"a.{suffix}", speech(3.0), format=kind, subtype=subtype)
    content = path.read_bytes()
    path.write_bytes(content[: round(kept * len(content))])
    for function in (read_audio, check_audio):
        with pytest.raises(AudioError, match=rf"a\.{suffix}: .*(truncated|ends before)"):
            function(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_named(write, bad: float) -> None:
    samples = np.zeros(16000, np.float32)
    samples[50] = bad
    path = write("nan.wav", samples, subtype="FLOAT")
    for function in (read_audio, check_audio):
        with pytest.raises(AudioError, match=r"nan\.wav: has samples that are NaN or infinite"):
            function(path)


def test_a_start_past_the_end_is_an_error(write) -> None:
    with pytest.raises(InputError, match="no samples at 5 s"):
        read_audio(write("a.wav", speech()), 5.0, 1.0)


def test_opus_crops_of_real_speech_agree_with_the_whole(shared_data: Path) -> None:
    paths = sorted((shared_data / "speechocean762" / "audio" / "train").glob("*/*.opus"))[:10]
    for path in paths:
        whole, crop = read_audio(path), read_audio(path, 0.8, 1.0)
        assert np.corrcoef(whole[12800:28800][: len(crop)], crop)[0, 1] > 0.999
