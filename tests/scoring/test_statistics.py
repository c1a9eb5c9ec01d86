"""Statistics of labelled embeddings against loops."""

from collections.abc import Callable

import numpy as np

from speakerssl.scoring.statistics import covariance, speaker_statistics

Covariance = Callable[[np.ndarray], np.ndarray]


def test_statistics_match_loops(data: np.ndarray, speakers: np.ndarray, within: Covariance) -> None:
    stats = speaker_statistics(data, speakers)
    np.testing.assert_allclose(stats.within_covariance, within(data))
    total = covariance(data)[1] * len(data)
    np.testing.assert_allclose(stats.within_scatter + stats.between_scatter, total)
