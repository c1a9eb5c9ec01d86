"""libsndfile as a decoder."""

import os
import sys

import numpy as np
import pytest
import soundfile

from speakerssl.data import sndfile
from speakerssl.data.audio import check_audio, read_audio
from speakerssl.data.recording import Recording
from speakerssl.data.sndfile import DecodeError, SndfileDecoder, captured_stderr


def test_long_recordings_are_read_in_blocks(tmp_path, voice, monkeypatch) -> None:
    soundfile.write(tmp_path / "a.flac", voice(2.0), 16000)
    monkeypatch.setattr(sndfile, "_BLOCK", 5000)
    decoder = SndfileDecoder(str(tmp_path / "a.flac"))
    np.testing.assert_array_equal(decoder.read(1000, 20000) * 32768, voice(2.0)[1000:21000])
    assert decoder.read(32000, 10).size == 0
    decoder.close()


def test_what_it_cannot_open_is_a_decode_error(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"nothing" * 100)
    with pytest.raises(DecodeError, match="is not audio that can be read: Format not recognised"):
        SndfileDecoder(str(tmp_path / "a"))


def test_only_the_decoder_s_words_are_captured(capfd: pytest.CaptureFixture[str]) -> None:
    with captured_stderr() as said:
        os.write(2, b"[src/libmpg123/layer3.c:1774] error: part2_3_length\nsomebody else\n")
    assert said == ["[src/libmpg123/layer3.c:1774] error: part2_3_length"]
    print("afterwards", file=sys.stderr)
    assert capfd.readouterr().err == "somebody else\nafterwards\n"


@pytest.mark.parametrize(
    ("kind", "subtype"), [("AU", "G721_32"), ("AU", "G723_24"), ("WAV", "NMS_ADPCM_32"), ("XI", "DPCM_16")]
)
def test_codecs_that_cannot_be_sought_in(tmp_path, voice, kind: str, subtype: str) -> None:
    path = tmp_path / "a"
    soundfile.write(path, voice(2.0), 16000, format=kind, subtype=subtype)
    whole, rate = soundfile.read(path, dtype="float32")
    assert check_audio(path) == (len(whole), rate)
    expected = read_audio(path, sample_rate=rate)
    np.testing.assert_allclose(expected, 32768 * whole, atol=1e-2)
    with Recording(path) as recording:
        for first in (len(whole) // 2, len(whole) // 8):
            found = recording.read(first / rate, 0.2, rate)
            np.testing.assert_array_equal(found, expected[first : first + round(0.2 * rate)])
