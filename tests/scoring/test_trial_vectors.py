"""The vectors that a trial list compares."""

import numpy as np

from speakerssl.scoring.trial_vectors import TrialVectors


def test_sides_are_shared_only_where_they_are_one_array() -> None:
    matrix, rows = np.eye(3), np.array([0, 1, 2])
    one = TrialVectors(matrix, list("abc"), np.ones(3, int), rows, matrix, list("abc"), rows)
    assert one.shared
    assert not TrialVectors(matrix, list("abc"), np.ones(3, int), rows, matrix.copy(), list("abc"), rows).shared


def test_models_by_their_number_of_recordings() -> None:
    rows = np.array([0, 1, 2, 3])
    vectors = TrialVectors(np.eye(4), list("abcd"), np.array([3, 1, 3, 2]), rows, np.eye(4), list("abcd"), rows)
    assert [(count, found.tolist()) for count, found in vectors.by_count()] == [(1, [1]), (2, [3]), (3, [0, 2])]
