"""Channels mixed: the mean, unless they are each other's negative, also after a lossy codec."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import AudioError, read_audio
from speakerssl.data.mixing import mean_of_channels
from speakerssl.data.speech import check_speech


def test_two_views_of_a_voice_are_no_cancellation() -> None:
    rng = np.random.default_rng(0)
    voice, noise = rng.standard_normal((2, 16000)).astype(np.float32)
    for right in (voice, 0.5 * voice, 0 * voice, noise, -0.5 * voice, -voice + 0.5 * noise, -np.roll(voice, 3)):
        wave, cancelled = mean_of_channels(np.stack([voice, right], 1))
        np.testing.assert_allclose(wave, (voice + right) / 2, atol=1e-6)
        assert not cancelled
    assert mean_of_channels(np.stack([voice, -voice], 1))[1]
    assert mean_of_channels(np.stack([voice, -voice + 0.01 * noise], 1))[1]  # one of two microphones is poled wrong
    for samples in (np.zeros((9, 2), np.float32), np.ones((1, 2), np.float32)):
        assert not mean_of_channels(samples)[1]


@pytest.mark.parametrize(
    ("name", "codec", "container", "rate", "bits"),
    [
        ("a.m4a", "aac", "mp4", 0, 32_000),
        ("a.m4a", "aac", "mp4", 0, 96_000),
        ("a.mp3", "libmp3lame", "mp3", 0, 64_000),
        ("a.webm", "libopus", "webm", 48000, 32_000),
        ("a.webm", "libopus", "webm", 48000, 96_000),
    ],
)
def test_antiphase_is_found_behind_a_codec(
    write_av: Callable[..., Path], voice: Callable[..., np.ndarray], name: str, codec: str, container: str, rate: int,
    bits: int,
) -> None:  # fmt: skip
    one = voice(3.0)
    path = write_av(name, np.stack([one, -one], 1), codec, container, codec_rate=rate, bit_rate=bits)
    refused(path)


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "PCM_16"), ("ogg", "VORBIS"), ("opus", "OPUS")])
def test_antiphase_of_real_speech(shared_data: Path, tmp_path: Path, suffix: str, subtype: str) -> None:
    sources = sorted((shared_data / "speechocean762").rglob("*.flac"))[:3]
    if not sources:
        pytest.skip("no speechocean762 here")
    for source in sources:
        one, rate = soundfile.read(source)
        path = tmp_path / f"a.{suffix}"
        container = "WAV" if suffix == "wav" else "OGG"
        soundfile.write(path, np.stack([one, -one], 1), rate, subtype=subtype, format=container)
        refused(path)


@pytest.mark.parametrize("level", [0.5, 0.8, 1.0])  # of compression: 1 is the lowest quality
def test_antiphase_of_real_speech_at_low_qualities_of_vorbis(shared_data: Path, tmp_path: Path, level: float) -> None:
    """Their high frequencies come back in phase."""
    sources = sorted((shared_data / "speechocean762").rglob("*.flac"))[:40:5]
    for source in sources:
        one, rate = soundfile.read(source)
        path = tmp_path / f"{source.stem}.ogg"
        kinds = {"subtype": "VORBIS", "format": "OGG", "compression_level": level}
        soundfile.write(path, np.stack([one, -one], 1), rate, **kinds)
        refused(path)
        for right in (one, -0.5 * one, 0 * one, -np.roll(one, 3), np.roll(one, 8)):
            soundfile.write(path, np.stack([one, right], 1), rate, **kinds)
            check_speech(read_audio(path), 16000, str(path))


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_hum_in_antiphase_does_not_hide_a_voice(voice: Callable[..., np.ndarray], rate: int) -> None:
    one = voice(3.0)
    one = np.interp(np.arange(0, len(one), 16000 / rate), np.arange(len(one)), one)
    hum = 0.5 * np.sqrt(np.mean(one**2)) * np.sin(2 * np.pi * 50 / rate * np.arange(len(one)))
    assert not mean_of_channels(np.stack([one + hum, one - hum], 1).astype(np.float32), rate)[1]
    assert mean_of_channels(np.stack([one, -one], 1).astype(np.float32), rate)[1]


def refused(path: Path) -> None:
    """The mix is silence, and the rule for recordings without speech says so; one channel is a voice."""
    wave = read_audio(path)
    assert not wave.any()
    with pytest.raises(AudioError, match="its channels cancel out"):
        check_speech(wave, 16000, str(path))
    check_speech(read_audio(path, channel=0), 16000, str(path))
