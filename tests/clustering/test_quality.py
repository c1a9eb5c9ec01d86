"""Purity, NMI and the silhouette against counting by hand."""

import numpy as np
import pytest

from speakerssl.clustering.cluster import to_units
from speakerssl.clustering.quality import normalized_mutual_information, purity, silhouette

from .conftest import made_voices


def test_purity_counts_the_most_frequent_speaker_of_each_cluster() -> None:
    labels, truth = np.array([0, 0, 0, 1, 1, 2]), np.array([5, 5, 7, 7, 7, 5])
    assert purity(labels, truth) == pytest.approx(5 / 6)
    assert purity(np.arange(6), truth) == 1
    assert purity(np.zeros(6, int), truth) == pytest.approx(0.5)


def test_nmi_is_one_for_the_truth_under_other_names_and_zero_for_one_cluster() -> None:
    truth = np.repeat(np.arange(4), 5)
    assert normalized_mutual_information(3 - truth, truth) == pytest.approx(1)
    assert normalized_mutual_information(np.zeros(20, int), truth) == pytest.approx(0)


def test_silhouette_by_hand() -> None:
    units = to_units(made_voices(4, 5, spread=1.2)[0])
    labels = np.array([0] * 5 + [1] * 5 + [2] * 9 + [3])
    values = []
    for i, x in enumerate(units):
        inside = [float(x @ y) for j, y in enumerate(units) if labels[j] == labels[i] and j != i]
        means = [float(np.mean([float(x @ y) for j, y in enumerate(units) if labels[j] == c])) for c in range(4)]
        a, b = (float(np.mean(inside)) if inside else 0), max(m for c, m in enumerate(means) if c != labels[i])
        values.append((a - b) / (1 - min(a, b)) if inside else 0.0)
    assert silhouette(units, labels) == pytest.approx(np.mean(values), abs=1e-5)
    assert silhouette(units, np.zeros(20, int)) == 0
