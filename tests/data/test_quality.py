"""Measures of recordings that can be read and should not be."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.quality import CLIPPED_SHARE, SILENT_DB, clipped_share, measure
from speakerssl.data.utterance import Utterance


def of(path: Path, samples: np.ndarray, rate: int = 16000, **options):
    soundfile.write(path, samples, rate, **options)
    return measure(Utterance("a", str(path)))


def test_a_healthy_voice(tmp_path: Path, voice) -> None:
    quality = of(tmp_path / "a.wav", voice(2.0))
    assert (quality.seconds, quality.rate, quality.no_speech, quality.correlation) == (2.0, 16000, "", None)
    assert quality.clipped < CLIPPED_SHARE
    expected = 20 * np.log10(voice(2.0).std() / 32768)
    assert quality.level_db == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("gain", [1.5, 8.0])
@pytest.mark.parametrize("rescale", [1.0, 0.3])
def test_clipping_is_seen_at_any_level(voice, gain: float, rescale: float) -> None:
    wave = voice(2.0).astype(np.float32) * 32767 / np.abs(voice(2.0)).max()
    clipped = np.rint(np.clip(wave * gain, -32768, 32767) * rescale)
    assert clipped_share(clipped) > CLIPPED_SHARE
    assert clipped_share(np.rint(wave * rescale)) < CLIPPED_SHARE
    assert clipped_share(np.zeros(100, np.float32)) == 0.0


def test_silence_and_a_voice_60_db_down(tmp_path: Path, voice) -> None:
    assert of(tmp_path / "a.wav", np.full(16000, 300, np.int16)).level_db <= SILENT_DB
    quiet = of(tmp_path / "b.wav", voice(2.0) / 32768 * 1e-3, subtype="PCM_24")
    assert quiet.level_db > SILENT_DB
    assert quiet.no_speech == ""


def test_channels(tmp_path: Path, voice) -> None:
    left, right = voice(1.0, seed=1), voice(1.0, seed=2)
    assert of(tmp_path / "a.wav", np.stack([left, left // 2], 1)).correlation == pytest.approx(1.0, abs=1e-3)
    assert of(tmp_path / "b.wav", np.stack([left, -left], 1)).correlation == pytest.approx(-1.0)
    two = of(tmp_path / "c.wav", np.stack([left, right], 1))
    assert two.correlation == pytest.approx(np.corrcoef(left, right)[0, 1], abs=1e-4)
    dead = of(tmp_path / "d.wav", np.stack([left, 0 * left], 1))
    assert dead.channel_levels_db[1] <= SILENT_DB < dead.channel_levels_db[0]


def test_the_digest_is_of_the_samples(tmp_path: Path, voice) -> None:
    wav, flac = of(tmp_path / "a.wav", voice(1.0)), of(tmp_path / "a.flac", voice(1.0))
    assert wav.digest == flac.digest
    assert wav.digest != of(tmp_path / "b.wav", voice(1.0, seed=5)).digest
    assert wav.digest != of(tmp_path / "c.wav", voice(1.0), rate=8000).digest


def test_segments_and_their_channels(tmp_path: Path, voice) -> None:
    left, right = voice(1.0, seed=1), voice(1.0, seed=2)
    soundfile.write(tmp_path / "st.wav", np.stack([left, right], 1), 16000)
    part = Utterance("x", str(tmp_path / "st.wav"), 0.25, 0.75, "st", segment_line=1, channel=1)
    quality = measure(part)
    assert (quality.seconds, quality.correlation) == (0.5, None)
    assert quality.digest == of(tmp_path / "r.wav", right[4000:12000]).digest
