"""Training of the two-covariance PLDA: Kaldi's EM, and the closed form of balanced data."""

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.scoring.backend_options import PLDA_METHODS
from speakerssl.scoring.plda import CURE, Plda
from speakerssl.scoring.statistics import (
    SpeakerStatistics,
    eigen,
    require_full_rank,
    speaker_statistics,
)


def train_plda(embeddings: np.ndarray, speakers: np.ndarray, method: str = "em", iterations: int = 10) -> Plda:
    """PLDA of `embeddings` [N, D] with `speakers` [N].

    "em" is Kaldi's `ivector-compute-plda` (started from unit covariances, `iterations` of EM, the mean is
    that of the speakers' means); "closed-form" takes the moments of the analysis of variance (see
    `closed_form`). Raises InputError where the within-speaker covariance is singular.
    """
    if method not in PLDA_METHODS:
        raise unknown_name("PLDA training method", method, PLDA_METHODS)
    stats = speaker_statistics(embeddings, speakers)
    require_full_rank(eigen(stats.within_covariance)[0], "PLDA: the within-speaker", CURE)
    if method == "closed-form":
        return closed_form(stats)
    if iterations < 1:
        raise InputError(f"{iterations} EM iterations; one is the least")
    return expectation_maximization(stats, iterations)


def closed_form(stats: SpeakerStatistics) -> Plda:
    """Moments of the one-way analysis of variance: unbiased, and maximum likelihood but for that if balanced.

    within = scatter / (N - S); between = (S_b / (S - 1) - within) / n0 with
    n0 = (N - sum n_s^2 / N) / (S - 1) (Searle, Casella and McCulloch, 1992), negative directions set to 0.
    The mean is that over speakers, as in EM.
    """
    counts = stats.counts.astype(np.float64)
    total, speakers = counts.sum(), len(counts)
    within = stats.within_covariance
    size = (total - (counts**2).sum() / total) / (speakers - 1)
    between = (stats.between_scatter / (speakers - 1) - within) / size
    return Plda.from_covariances(stats.means.mean(axis=0), between, within)


def expectation_maximization(stats: SpeakerStatistics, iterations: int) -> Plda:
    """EM from unit covariances. One iteration costs O(D^3) for each distinct number of recordings a speaker."""
    mean = stats.means.mean(axis=0)
    dim = len(mean)
    groups = [(int(count), stats.means[stats.counts == count] - mean) for count in np.unique(stats.counts)]
    within, between = np.eye(dim), np.eye(dim)
    for _ in range(iterations):
        within, between = _iteration(stats.within_scatter, groups, within, between)
    return Plda.from_covariances(mean, between, within)


def _iteration(
    scatter: np.ndarray, groups: list[tuple[int, np.ndarray]], within: np.ndarray, between: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One EM step; `groups` are (recordings a speaker, centred speaker means [S_n, D]). Returns within, between."""
    within_inverse, between_inverse = np.linalg.inv(within), np.linalg.inv(between)
    within_sum, between_sum = scatter.copy(), np.zeros_like(between)
    recordings = speakers = 0
    for count, means in groups:
        posterior = np.linalg.inv(between_inverse + count * within_inverse)
        expected = count * means @ within_inverse @ posterior
        residual = means - expected
        between_sum += len(means) * posterior + expected.T @ expected
        within_sum += count * (len(means) * posterior + residual.T @ residual)
        recordings += count * len(means)
        speakers += len(means)
    return within_sum / recordings, between_sum / speakers
