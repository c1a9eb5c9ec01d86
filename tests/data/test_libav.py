"""What ffmpeg's libraries decode: every container that phones and browsers make, its length by decoding."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from speakerssl.data.audio import AudioError, Recording, audio_info, check_audio, read_audio
from speakerssl.data.libav import AvDecoder
from speakerssl.data.sndfile import DecodeError

TONE = Path(__file__).parent / "files" / "tone.m4a"  # 0.6 s of 440 Hz at 16 kHz, amplitude 0.3
# name, codec, container, the codec's rate, options of the container, samples that the codec adds
HEALTHY = [
    ("phone.m4a", "aac", "mp4", 0, {}, 0),
    ("fragmented.m4a", "aac", "mp4", 0, {"movflags": "frag_keyframe+empty_moov"}, 2048),
    ("phone.3gp", "aac", "3gp", 0, {}, 0),
    ("browser.webm", "libopus", "webm", 48000, {}, 0),
    ("live.webm", "libopus", "webm", 48000, {"live": "1"}, 0),
    ("raw.aac", "aac", "adts", 0, {}, 2048),
    ("radio.amr", "libopencore_amrnb", "amr", 8000, {}, 320),
    ("lossless.mka", "flac", "matroska", 0, {}, 0),
    ("mp3.wav", "libmp3lame", "wav", 0, {}, 2304),
    ("g726.wav", "adpcm_g726", "wav", 8000, {}, 0),
    ("no_tag.mp3", "libmp3lame", "mp3", 0, {"write_xing": "0", "id3v2_version": "0"}, 2304),
]


@pytest.mark.parametrize(("name", "codec", "container", "rate", "options", "added"), HEALTHY)
def test_healthy_files_are_read_to_their_end(write_av, voice, name, codec, container, rate, options, added) -> None:
    samples = voice(2.0)
    path = write_av(name, samples, codec, container, codec_rate=rate, **options)
    frames, own_rate = check_audio(path)
    assert own_rate == (rate or 16000)
    assert 2.0 <= frames / own_rate <= 2.0 + added / 16000 + 1e-9
    whole = read_audio(path)
    assert len(whole) == pytest.approx(16000 * frames / own_rate, abs=1)
    # Some codecs delay: within that delay must be the voice.
    part = samples[:24000] / np.linalg.norm(samples[:24000])
    lags = correlate(whole[: 24000 + added + 400], part, "valid")
    best = int(lags.argmax())
    assert lags[best] / np.linalg.norm(whole[best : best + 24000]) > (0.4 if "amr" in name else 0.8)


@pytest.mark.parametrize(("name", "codec", "container", "rate", "options", "added"), HEALTHY[:5])
def test_crops_are_stretches_of_the_whole(write_av, voice, name, codec, container, rate, options, added) -> None:
    path = write_av(name, voice(2.0), codec, container, codec_rate=rate, **options)
    whole, crop = read_audio(path), read_audio(path, 0.5, 0.75)
    assert len(crop) == 12000
    np.testing.assert_allclose(crop[200:-200], whole[8200:19800], atol=60)


def test_a_crop_far_into_a_long_m4a_is_found_by_its_index(write_av, voice) -> None:
    path = write_av("long.m4a", np.tile(voice(5.0), 9), "aac", "mp4")
    np.testing.assert_array_equal(read_audio(path, 40.0, 1.0), read_audio(path)[640000:656000])


def test_m4a_is_decoded_to_the_sample() -> None:
    assert audio_info(TONE) == (9600, 16000)
    whole = read_audio(TONE)
    assert len(whole) == 9600
    tone = 0.3 * 32768 * np.sin(2 * np.pi * 440 * np.arange(9600) / 16000)
    assert np.corrcoef(whole[800:8800], tone[800:8800])[0, 1] > 0.99
    np.testing.assert_array_equal(read_audio(TONE, 0.2, 0.3), whole[3200:8000])


@pytest.mark.parametrize(
    ("name", "codec", "container", "rate"),
    [("a.m4a", "aac", "mp4", 0), ("a.webm", "libopus", "webm", 48000), ("a.mka", "flac", "matroska", 0)],
)
def test_what_breaks_off_is_named(write_av, voice, name, codec, container, rate) -> None:
    path = write_av(name, voice(4.0), codec, container, codec_rate=rate)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for function in (read_audio, check_audio):
        with pytest.raises(AudioError, match=rf"{name}: .*truncated"):
            function(path)


def test_a_playlist_opens_no_other_file(write_av, voice, tmp_path: Path) -> None:
    target = write_av("secret.m4a", voice(1.0), "aac", "mp4")
    for text in (f"#EXTM3U\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n", f"ffconcat version 1.0\nfile {target}\n"):
        (tmp_path / "list.m4a").write_text(text)
        with pytest.raises(AudioError, match="is not audio that can be read"):
            read_audio(tmp_path / "list.m4a")


def test_failures_are_decode_errors(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x1a\x45\xdf\xa3" + b"nothing" * 50)
    with pytest.raises(DecodeError, match="is not audio that can be read"):
        AvDecoder(str(tmp_path / "a.bin"))


@pytest.mark.parametrize(("name", "codec", "container", "rate", "options", "added"), HEALTHY)
def test_stretches_of_what_is_kept_in_a_file(
    write_av, voice, monkeypatch, name, codec, container, rate, options, added
) -> None:
    path = write_av(name, np.tile(voice(2.0), 3), codec, container, codec_rate=rate, **options)
    whole = read_audio(path)
    monkeypatch.setattr("speakerssl.data.libav._IN_MEMORY", 1000)
    monkeypatch.setattr("speakerssl.data.libav._BLOCK", 5000)
    np.testing.assert_array_equal(read_audio(path), whole)
    with Recording(path) as recording:
        frames, own_rate = recording.length()
        if own_rate == 16000:
            assert frames == len(whole)
            np.testing.assert_array_equal(recording.read(2.0, 1.5), whole[32000:56000])


def test_a_recording_of_unknown_length_is_counted_in_blocks(write_av, voice, monkeypatch) -> None:
    path = write_av("live.webm", voice(2.0), "libopus", "webm", codec_rate=48000, live="1")
    expected = audio_info(path)
    monkeypatch.setattr("speakerssl.data.recording._BLOCK", 7001)
    assert audio_info(path) == expected == check_audio(path, full=True)


def test_a_rate_that_changes_is_named(tmp_path: Path, voice) -> None:
    content = b""
    for rate in (16000, 8000):
        soundfile.write(tmp_path / "part.mp3", voice(2.0, rate), rate)
        content += (tmp_path / "part.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.mp3: changes its rate or its channels on the way; split it there"):
        read_audio(tmp_path / "a.mp3")


# name, codec, container, how far a sample may be off: the encoder of TTA and WavPack takes 8 bits first
LOSSLESS = [
    ("a.mka", "flac", "matroska", 0.5),
    ("a.avi", "pcm_s16le", "avi", 0.5),
    ("a.tta", "tta", "tta", 260),
    ("a.wv", "wavpack", "wv", 260),
]


@pytest.mark.parametrize(("name", "codec", "container", "tolerance"), LOSSLESS)
def test_lossless_codecs_in_any_container(write_av, voice, name, codec, container, tolerance) -> None:
    path = write_av(name, voice(2.0), codec, container)
    assert check_audio(path) == (32000, 16000)
    np.testing.assert_allclose(read_audio(path), voice(2.0), atol=tolerance)
