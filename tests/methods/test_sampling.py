"""Draws of positives against a slow loop's sets of candidates, their uniformity, and what they say without labels."""

import numpy as np
import pytest

from speakerssl.methods.sampling import halves_precision, sample_positives, session_numbers, session_precision


def candidates(i: int, source: int, labels: np.ndarray, sessions: np.ndarray | None, exclude_self: bool) -> set[int]:
    members = [j for j, label in enumerate(labels) if label == source]
    if sessions is not None and (elsewhere := [j for j in members if sessions[j] != sessions[i]]):
        return set(elsewhere)
    others = [j for j in members if j != i]
    return set(others) if exclude_self and others else set(members)


@pytest.mark.parametrize("with_sessions", [False, True])
@pytest.mark.parametrize("exclude_self", [False, True])
@pytest.mark.parametrize("neighbours", [0, 2])
def test_all_candidates_of_a_slow_loop_are_drawn_and_no_others(
    with_sessions: bool, exclude_self: bool, neighbours: int
) -> None:
    rng = np.random.default_rng(0)
    labels = np.r_[np.arange(5), rng.integers(0, 5, 25), 5]  # the last is alone in its cluster
    sources = np.arange(6)[:, None] if not neighbours else (np.arange(6)[:, None] + [1, 2]) % 6
    sessions = rng.integers(0, 4, 31) if with_sessions else None
    drawn: list[set[int]] = [set() for _ in labels]
    for seed in range(400):
        for i, j in enumerate(
            sample_positives(labels, sources, sessions, np.random.default_rng(seed), exclude_self=exclude_self)
        ):
            drawn[i].add(int(j))
    for i in range(31):
        every = [candidates(i, source, labels, sessions, exclude_self) for source in sources[labels[i]]]
        assert drawn[i] == set().union(*every)


def test_draws_are_uniform() -> None:
    labels = np.zeros(8, dtype=np.int64)
    draws = [sample_positives(labels, np.zeros((1, 1), int), None, np.random.default_rng(s))[3] for s in range(3500)]
    counts = np.bincount(draws, minlength=8)
    assert counts[3] == 0
    assert abs(counts[[0, 1, 2, 4, 5, 6, 7]] - 500).max() < 110  # five standard deviations


def test_a_recording_without_a_cluster_keeps_itself_and_is_nobodys_positive() -> None:
    labels = np.array([0, -1, 0, 0, -1])
    for seed in range(50):
        found = sample_positives(labels, np.array([[0]]), None, np.random.default_rng(seed))
        assert found[[1, 4]].tolist() == [1, 4]
        assert set(found[[0, 2, 3]]) <= {0, 2, 3}


def test_a_million_take_seconds() -> None:
    rng = np.random.default_rng(0)
    labels, sessions = rng.integers(0, 25000, 1_000_000), rng.integers(0, 150_000, 1_000_000)
    sources = (np.arange(25000)[:, None] + 1) % 25000
    found = sample_positives(labels, sources, sessions, rng)
    assert ((labels[found] - labels) % 25000 == 1).all()
    assert (sessions[found] != sessions).mean() > 0.9999


def test_precision_by_sessions_is_that_of_a_slow_loop() -> None:
    rng = np.random.default_rng(1)
    labels, sessions = rng.integers(0, 4, 200), rng.integers(0, 12, 200)
    expected = np.mean(
        [
            np.mean([sessions[j] == sessions[i] for j in np.flatnonzero(labels == labels[i]) if j != i])
            for i in range(200)
        ]
    )
    sources = np.arange(4)[:, None]
    found = np.mean([session_precision(labels, sources, sessions, np.random.default_rng(s)) for s in range(300)])
    assert found == pytest.approx(expected, abs=0.01)
    assert session_precision(sessions, np.arange(12)[:, None], sessions, rng) == 1.0
    assert np.isnan(session_precision(labels, sources, np.arange(200), rng))


def test_halves_in_one_cluster() -> None:
    centroids, first = np.eye(3), np.eye(3)[[0, 1, 2, 0]]
    assert halves_precision(first, first, centroids) == 1.0
    assert halves_precision(first, np.eye(3)[[0, 2, 2, 1]], centroids) == 0.5
    assert np.isnan(halves_precision(first[:0], first[:0], centroids))


def test_unknown_sessions_are_all_different() -> None:
    assert session_numbers(["a", None, "b", "a", None]).tolist() == [0, -2, 1, 0, -5]
