"""The mean that is subtracted from embeddings before scoring: that of the list itself, of other embeddings, or a file.

On an unseen domain the mean of its own unlabelled embeddings removes what all its recordings share, such as a channel.
"""

from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import read_embeddings, read_vector
from speakerssl.errors import InputError
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.trials.trial_list import Trials

AUTO = "auto"


def centring_mean(center: str, trials: Trials, inputs: ScoringInputs) -> np.ndarray:
    """The mean [D], float32, that `center` asks for.

    "auto" is the mean of all embeddings that `trials` name, each recording once; of an enrolment model those of its
    recordings. Anything else is `read_mean` of that path. Raises InputError for a mean of another size.
    """
    if center != AUTO:
        mean = read_mean(center)
        if len(mean) != inputs.test.dim:
            raise InputError(f"{center}: {len(mean)} numbers, the embeddings have {inputs.test.dim}")
        return mean
    enrol = list(trials.enrol_ids)
    if inputs.models is not None:
        numbers = [inputs.models.number(name) for name in enrol]
        enrol = [name for number in numbers if number is not None for name in inputs.models.members(number)]
    sides = [(inputs.test, trials.test_ids), (inputs.enrol_side, enrol)]
    if inputs.enrol is None:
        sides = [(inputs.test, [*trials.test_ids, *enrol])]
    total, count = np.zeros(inputs.test.dim), 0
    for embeddings, ids in sides:
        # What has no embedding is named by whoever needs it.
        known = [name for name in dict.fromkeys(ids) if name in embeddings.rows]
        total += embeddings.matrix[embeddings.index(known)].sum(axis=0, dtype=np.float64)
        count += len(known)
    return (total / max(1, count)).astype(np.float32)


def read_mean(path: str | Path) -> np.ndarray:
    """The mean [D], float32, in a file: of all embeddings in it (.scp, .ark, .npz, or .npy of a matrix), or itself.

    A vector is a .npy of one dimension, or Kaldi's (`mean.vec`). Raises InputError.
    """
    suffix = Path(path).suffix
    if suffix in (".scp", ".ark", ".npz") or (suffix == ".npy" and _is_matrix(path)):
        return read_embeddings(path).matrix.mean(axis=0, dtype=np.float64).astype(np.float32)
    return read_vector(path)


def _is_matrix(path: str | Path) -> bool:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False).ndim == 2
    except (OSError, ValueError, EOFError):
        return False  # `read_vector` says what is wrong with it
