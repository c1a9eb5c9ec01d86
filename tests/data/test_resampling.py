"""Resampling against sinusoids, whose value at any rate is known."""

import numpy as np
import pytest

from speakerssl.data.resampling import resample
from speakerssl.errors import InputError


def tone(frequency: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return (1000 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000])
def test_tones_keep_phase_and_level_up_to_nine_tenths_of_nyquist(rate: int) -> None:
    for frequency in (100.0, 0.45 * min(rate, 16000)):
        result = resample(tone(frequency, rate), rate, 16000)
        assert result.dtype == np.float32
        assert len(result) == 16000
        np.testing.assert_allclose(result[500:-500], tone(frequency, 16000)[500:-500], atol=0.5)


@pytest.mark.parametrize(("rate", "frequency"), [(48000, 8300), (48000, 15000), (44100, 12000), (22050, 9000)])
def test_what_lies_above_the_new_nyquist_frequency_is_80_db_down(rate: int, frequency: float) -> None:
    result = resample(tone(frequency, rate), rate, 16000)
    assert np.abs(result[500:-500]).max() < 0.1


def test_rates_without_a_common_divisor_need_no_filter_of_gigabytes() -> None:
    import tracemalloc

    tracemalloc.start()
    wave = resample(np.sin(np.arange(999983) * 2 * np.pi * 1000 / 999983).astype(np.float32), 999983, 16000)
    assert tracemalloc.get_traced_memory()[1] < 400e6
    tracemalloc.stop()
    assert len(wave) == 16000
    np.testing.assert_allclose(wave[500:-500], np.sin(np.arange(16000) * 2 * np.pi / 16)[500:-500], atol=1e-3)


@pytest.mark.parametrize("rate", [0, -16000, 0.5, float("nan")])
def test_a_rate_that_is_none(rate: float) -> None:
    with pytest.raises(InputError, match="sampling rates are whole numbers above 0"):
        resample(np.zeros(100, np.float32), rate, 16000)  # type: ignore[arg-type]
    assert len(resample(np.zeros(441, np.float32), 44100.0, 16000)) == 160  # type: ignore[arg-type]
