"""Each kind of noise has the spectrum and the course in time that its name says."""

import numpy as np
import pytest

from speakerssl.augment.synthetic_noise import KINDS, SyntheticNoise
from speakerssl.errors import InputError


def octave_slope(wave: np.ndarray) -> float:
    """dB an octave between 250 Hz and 4 kHz."""
    spectrum = np.abs(np.fft.rfft(wave)) ** 2
    hz = np.fft.rfftfreq(len(wave), 1 / 16000)
    levels = [10 * np.log10(spectrum[(hz >= f) & (hz < 1.2 * f)].mean()) for f in (250.0, 4000.0)]
    return (levels[1] - levels[0]) / 4


@pytest.mark.parametrize(("kind", "slope"), [("white", 0.0), ("pink", -3.0), ("brown", -6.0)])
def test_slopes(kind: str, slope: float, rng: np.random.Generator) -> None:
    assert octave_slope(KINDS[kind](rng, 160000)) == pytest.approx(slope, abs=0.5)


def test_hum_is_harmonic(rng: np.random.Generator) -> None:
    spectrum = np.abs(np.fft.rfft(KINDS["hum"](rng, 32000) * np.hanning(32000))) ** 2
    assert np.sort(spectrum)[-150:].sum() > 0.9 * spectrum.sum()


def test_clicks_are_sparse_and_modulated_noise_fluctuates(rng: np.random.Generator) -> None:
    clicks = KINDS["clicks"](rng, 160000)
    assert np.mean(clicks == 0.0) > 0.3
    levels = KINDS["modulated"](rng, 160000).reshape(-1, 800).std(axis=1)
    assert levels.std() / levels.mean() > 0.2


@pytest.mark.parametrize("samples", [1, 37, 32000])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_any_length_and_finite(kind: str, samples: int, rng: np.random.Generator) -> None:
    noise = SyntheticNoise([kind]).draw(rng, samples)
    assert noise.shape == (samples,)
    assert noise.dtype == np.float32
    assert np.isfinite(noise).all()


def test_a_seed_repeats_and_a_typo_is_named() -> None:
    first, second = (SyntheticNoise().draw(np.random.default_rng(3), 5000) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(InputError, match="'pnik'; the known ones are: brown, clicks"):
        SyntheticNoise(["pnik"])
