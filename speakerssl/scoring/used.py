"""Trials whose tables of ids hold only what the trials use."""

from dataclasses import replace

import numpy as np

from speakerssl.scoring.trials import Trials


def used_only(trials: Trials) -> Trials:
    """The same trials without the ids that none of them has (left by `Trials.select`), in their order."""
    enrol, enrol_index = np.unique(trials.enrol_index, return_inverse=True)
    test, test_index = np.unique(trials.test_index, return_inverse=True)
    return replace(
        trials,
        enrol_ids=[trials.enrol_ids[row] for row in enrol.tolist()],
        test_ids=[trials.test_ids[row] for row in test.tolist()],
        enrol_index=enrol_index.astype(np.int32),
        test_index=test_index.astype(np.int32),
    )
