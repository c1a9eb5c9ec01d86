"""Cross-validation by speaker: a trial is never judged by a model that saw either of its speakers.

Speakers are dealt at random into K folds. A trial whose speakers are in the folds a and b (one fold, if
they are the same speaker) gets its value from the model trained on the trials that have **no** side in a
or b. That takes a model for each pair of folds that occurs, at most K (K + 1) / 2, and leaves no trial out.
"""

from collections.abc import Callable

import numpy as np

from speakerssl.errors import InputError
from speakerssl.trials.speakers import TrialSpeakers

# fit(rows to train on) gives the function that maps rows to their values.
Fit = Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]]


def cross_validate(speakers: TrialSpeakers, fit: Fit, folds: int = 5, seed: int = 0) -> np.ndarray:
    """A value for each trial [N] from a model that saw neither of its speakers (see the module).

    `fit` takes the training rows (int) and returns the function from rows to values.
    Raises InputError for fewer than three folds, or fewer speakers than folds.
    """
    if folds < 3:
        raise InputError(f"{folds} folds; three are the least that leave speakers to train on")
    if len(speakers.names) < folds:
        raise InputError(f"{len(speakers.names)} speakers cannot be dealt into {folds} folds; lower --folds")
    fold_of = np.empty(len(speakers.names), np.int64)
    fold_of[np.random.default_rng(seed).permutation(len(speakers.names))] = np.arange(len(speakers.names)) % folds
    one, other = fold_of[speakers.enrol], fold_of[speakers.test]
    low, high = np.minimum(one, other), np.maximum(one, other)
    values = np.empty(len(one))
    for pair in np.unique(low * folds + high):
        first, second = divmod(int(pair), folds)
        rows = np.flatnonzero((low == first) & (high == second))
        unseen = (one != first) & (one != second) & (other != first) & (other != second)
        try:
            predict = fit(np.flatnonzero(unseen))
        except InputError as error:
            raise InputError(f"cross-validation by speaker, folds {first} and {second} held out: {error}") from None
        values[rows] = predict(rows)
    return values
