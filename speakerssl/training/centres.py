"""A classification head that begins at what an encoder says of its classes, and not at random.

Between pseudo-label iterations the encoder is kept and the classes are new. A head at random then takes its first
gradients out on an encoder that is right; a head that begins at the means of the clusters has none to give.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError
from speakerssl.methods import Supervised


def start_centres(method: Supervised, ids: Sequence[str], path: str | Path, seed: int) -> int:
    """Puts the class centres at the means of the embeddings in the file `path`; returns how many classes have some.

    The first centre of a class is the unit mean of its recordings' unit embeddings, further ones (sub-centres) are
    recordings of it, drawn by `seed`. Each keeps the length of its random start, which classes without an embedding
    keep altogether.

    Args:
        ids: of the recordings [N] that `method.labels` are of.

    Raises:
        InputError: a file that cannot be read, of none of these recordings, or of vectors that are not as long as the
            encoder's.
    """
    assert method.labels is not None  # `use_labels` has made the head
    found = read_embeddings(path)
    size = method.encoder.embed_dim
    if found.matrix.shape[1] != size:
        raise InputError(f"{path}: has embeddings of {found.matrix.shape[1]} numbers, those of the encoder have {size}")
    place = {key: row for row, key in enumerate(found.ids)}
    rows = np.array([place.get(key, -1) for key in ids])
    known = np.flatnonzero(rows >= 0)
    if not len(known):
        raise InputError(f"{path}: has an embedding of none of the training recordings; name those that were clustered")
    units = found.matrix[rows[known]]
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-12)
    classes = method.labels[known]
    head = method.head
    sums = np.zeros((head.num_classes, size))
    np.add.at(sums, classes, units)
    centres = np.repeat(sums[:, None], head.subcentres, 1)
    # The members of each class in random order: the k-th further centre is the k-th of them, where there are so many.
    order = np.random.default_rng(seed).permutation(len(known))
    order = order[np.argsort(classes[order], kind="stable")]
    counts = np.bincount(classes, minlength=head.num_classes)
    begins = np.cumsum(counts) - counts
    for number in range(1, head.subcentres):
        some = np.flatnonzero(counts > number)
        centres[some, number] = units[order[begins[some] + number]]
    _fill(method, centres, counts > 0)
    return int(np.count_nonzero(counts))


@torch.no_grad()
def _fill(method: Supervised, centres: np.ndarray, chosen: np.ndarray) -> None:
    """Turns the weights of the classes `chosen` [C] towards `centres` [C, K, D]; of the classes in this process."""
    weight, here = method.head.weight, method.head.classes.rows
    wanted = here(torch.from_numpy(centres).flatten(0, 1)).to(weight)
    mask = here(torch.from_numpy(np.repeat(chosen, centres.shape[1]))).to(weight.device)
    turned = torch.nn.functional.normalize(wanted, dim=1) * weight.norm(dim=1, keepdim=True)
    weight.copy_(torch.where(mask[:, None], turned, weight))
