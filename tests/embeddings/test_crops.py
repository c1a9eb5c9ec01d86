"""Evenly spaced crops."""

import numpy as np
import pytest

from speakerssl.embeddings.crops import Crops
from speakerssl.errors import InputError


def test_crops_reach_from_start_to_end() -> None:
    crops = Crops(6, 2.0).cut(np.arange(80000, dtype=np.float32), 16000)
    assert crops.shape == (6, 32000)
    np.testing.assert_array_equal(crops[:, 0], np.linspace(0, 48000, 6))
    assert crops[-1, -1] == 79999


def test_a_short_recording_is_repeated_into_one_crop() -> None:
    crops = Crops(6, 2.0).cut(np.arange(10, dtype=np.float32), 10)
    np.testing.assert_array_equal(crops, [[*range(10), *range(10)]])


@pytest.mark.parametrize(("number", "seconds"), [(-1, 2.0), (1.5, 2.0), (True, 2.0), (6, 0.0), (6, "2")])
def test_senseless_crops_are_refused(number, seconds) -> None:
    with pytest.raises(InputError, match=r"num_crops is|crop_seconds is"):
        Crops(number, seconds)
