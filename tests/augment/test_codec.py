"""Codecs come back in step, at their length and level; Opus is really asked for a low rate."""

import numpy as np
import pytest

from speakerssl.augment import codec
from speakerssl.augment.codec import KINDS, MU_LAW, Codec, is_available, round_trip
from speakerssl.augment.levels import power
from speakerssl.errors import InputError


def lag(first: np.ndarray, second: np.ndarray) -> int:
    correlation = np.fft.irfft(np.fft.rfft(second, 131072) * np.fft.rfft(first, 131072).conj())
    best = int(np.argmax(correlation))
    return best if best < 65536 else best - 131072


@pytest.mark.parametrize("kind", [*KINDS, MU_LAW])
@pytest.mark.parametrize("samples", [32000, 30111])
def test_round_trip_keeps_length_level_and_time(kind: str, samples: int, real_speech: np.ndarray) -> None:
    if kind in KINDS and not is_available(kind):
        pytest.skip(f"this libsndfile does not write {kind}")
    wave = real_speech[:samples]
    coded = Codec([kind])(wave, np.random.default_rng(1))
    assert coded.shape == wave.shape
    assert coded.dtype == np.float32
    assert abs(lag(wave, coded)) <= 1
    assert 10 * np.log10(power(coded) / power(wave)) == pytest.approx(0.0, abs=1.5)
    assert not np.array_equal(coded, wave)


def test_opus_rates(real_speech: np.ndarray) -> None:
    """9 to 18 kbit/s with the container; a higher level spends fewer bits."""
    rates = [8e-3 * round_trip(real_speech, "opus", level)[1] / 2.0 for level in KINDS["opus"].levels or ()]
    assert 7.0 < rates[1] < rates[0] < 25.0


def test_a_wave_beyond_full_scale_is_not_clipped(wave: np.ndarray) -> None:
    loud = wave * np.float32(60000 / np.abs(wave).max())
    coded, _ = round_trip(loud, "ima_adpcm")
    assert np.abs(coded).max() > 50000


def test_silence_passes() -> None:
    silence = np.zeros(4000, dtype=np.float32)
    assert not Codec()(silence, np.random.default_rng(0)).any()


def test_unknown_and_unavailable_codecs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown codec 'opsu'; the known ones are: a_law, "):
        Codec(["opsu"])
    monkeypatch.setattr(codec, "is_available", lambda kind: False)
    with pytest.raises(InputError, match="cannot write 'vorbis'"):
        Codec(["vorbis"])
    with pytest.raises(InputError, match="at least one"):
        Codec([])
