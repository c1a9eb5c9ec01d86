"""Batches of one group of recordings each, as of one corpus.

Where several corpora are trained on together, what tells most of the negatives from an anchor is the corpus: its rooms,
microphones and language. In a batch of one corpus the voice has to do it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speakerssl.data.sampler import EpochBatches
from speakerssl.data.tables import read_rows
from speakerssl.errors import InputError


class GroupBatches(EpochBatches):
    """`EpochBatches` whose batches are of one group each, as far as the groups fill whole batches.

    Each recording comes once an epoch: what is left of each group, with groups smaller than a batch, comes in mixed
    batches. Other recordings are left each time.

    Args:
        groups: int [num_items], the group of each item.
        lengths: [num_items]; items, and so groups, come in proportion to these. None: each item once.
    """

    def __init__(
        self,
        groups: np.ndarray,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        lengths: np.ndarray | None = None,
    ) -> None:
        super().__init__(len(groups), batch_size, seed, rank, world_size, lengths=lengths)
        self.groups = groups

    def _draw_order(self, rng: np.random.Generator) -> np.ndarray:
        items = self._items(rng)
        return np.resize(items[grouped_order(self.groups[items], self.batch_size, rng)], self.num_items)


def grouped_order(groups: np.ndarray, batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """The items of `groups` [N] in an order in which most stretches of `batch_size` items are of one group."""
    shuffled = rng.permutation(len(groups))
    whole, rest = [], []
    for group in np.unique(groups):
        members = shuffled[groups[shuffled] == group]
        cut = len(members) // batch_size * batch_size
        whole.append(members[:cut])
        rest.append(members[cut:])
    left = rng.permutation(np.concatenate(rest))
    # What fills no batch comes last, since an epoch drops an incomplete one.
    cut = len(left) // batch_size * batch_size
    batches = np.concatenate([*whole, left[:cut]]).reshape(-1, batch_size)
    return np.concatenate([rng.permutation(batches).ravel(), left[cut:]])


def read_groups(path: str, ids: Sequence[str]) -> np.ndarray:
    """The group of each of `ids` as a number, int64 [N], from a file of `recording group` lines (`data.groups`).

    Raises InputError for a line that is malformed and a recording that has none.
    """
    try:
        table = {row.key: row.value for row in read_rows(Path(path))}
    except InputError as error:
        raise InputError(f"{error} (data.groups, lines of `recording group`)") from None
    missing = [key for key in ids if key not in table]
    if missing:
        raise InputError(
            f"{path}: has no group for {len(missing)} of {len(ids)} training recordings, such as {missing[0]}"
        )
    return np.unique([table[key] for key in ids], return_inverse=True)[1]
