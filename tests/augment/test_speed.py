"""Another speed is another pitch, at the same length."""

import numpy as np
import pytest

from speakerssl.augment.speed import Speed, change_speed
from speakerssl.errors import InputError


def pitch(wave: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 160000))) / 10)


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_pitch_and_length(factor: float, rng: np.random.Generator) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(32000) / 16000).astype(np.float32)
    assert len(change_speed(tone, factor)) == pytest.approx(32000 / factor, abs=1)
    played = Speed([factor])(tone, rng)
    assert played.shape == tone.shape
    assert played.dtype == np.float32
    assert pitch(played[:28000]) == pytest.approx(440 * factor, abs=0.2)


def test_a_faster_wave_is_repeated_from_its_beginning(wave: np.ndarray, rng: np.random.Generator) -> None:
    fast = change_speed(wave, 1.1)
    np.testing.assert_array_equal(Speed([1.1])(wave, rng)[len(fast) :], fast[: len(wave) - len(fast)])


@pytest.mark.parametrize("factors", [[], [0.0], [3.0]])
def test_senseless_factors(factors: list[float]) -> None:
    with pytest.raises(InputError, match=r"speed\.factors"):
        Speed(factors)
