"""The number of speakers: of made voices, and its order of size on real speech."""

import numpy as np
import pytest

from speakerssl.clustering.agglomerative import agglomerate
from speakerssl.clustering.cluster import to_units
from speakerssl.clustering.number import estimate_clusters

from .conftest import made_voices


@pytest.mark.parametrize(("speakers", "each"), [(10, 20), (60, 8), (200, 5)])
def test_made_voices_are_counted(speakers: int, each: int) -> None:
    units = to_units(made_voices(speakers, each, spread=0.8)[0])
    number, tried = estimate_clusters(units, np.arange(len(units)), agglomerate(units))
    assert 0.9 * speakers <= number <= 1.1 * speakers
    assert tried[number] == max(tried.values())


def test_a_sample_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerssl.clustering.number.SAMPLE", 300)
    units = to_units(made_voices(30, 30, spread=0.8)[0])
    assert 24 <= estimate_clusters(units, np.arange(len(units)), agglomerate(units))[0] <= 36


def test_real_speakers_are_counted_within_a_factor_of_two(real_voices) -> None:
    units = to_units(real_voices[0])
    number, _ = estimate_clusters(units, np.arange(len(units)), agglomerate(units))
    assert 30 <= number <= 120  # there are 60
