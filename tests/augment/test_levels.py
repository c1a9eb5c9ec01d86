"""Level and overload."""

import numpy as np
import pytest

from speakerssl.augment.levels import Clip, Gain


def test_gain_in_db(wave: np.ndarray, rng: np.random.Generator) -> None:
    np.testing.assert_allclose(Gain((-20.0, -20.0))(wave, rng), 0.1 * wave, rtol=1e-6)


def test_clipping_level(wave: np.ndarray, rng: np.random.Generator) -> None:
    clipped = Clip((-6.0, -6.0))(wave, rng)
    bound = np.abs(wave).max() * 10 ** (-6 / 20)
    assert np.abs(clipped).max() == pytest.approx(bound, rel=1e-6)
    inside = np.abs(wave) < bound
    np.testing.assert_array_equal(clipped[inside], wave[inside])
    assert clipped.dtype == np.float32
