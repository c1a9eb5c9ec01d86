"""Which recordings form which batch: a pure function of (seed, epoch), so that resuming needs no state."""

from collections.abc import Iterator

import numpy as np

Item = tuple[int, int, int]  # epoch, index of the anchor, index of the recording its positive comes from


class EpochBatches:
    """The shuffled batches of one epoch; the last incomplete batch is dropped.

    With `world_size` processes each gets every `world_size`-th item of the same global batch, so that the
    union over processes is what one process would have had.

    `sampled_positives` may be set at the start of an epoch to an int array [num_items]: the recording that an
    anchor's second view is cut from (itself by default). Self-supervised positive sampling uses it.
    """

    def __init__(self, num_items: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        self.num_items, self.batch_size, self.seed = num_items, min(batch_size, num_items), seed
        self.rank, self.world_size = rank, world_size
        self.sampled_positives: np.ndarray | None = None
        self.epoch = 0
        self.start = 0

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """The next iteration goes over `epoch`, from its batch number `start` on."""
        self.epoch, self.start = epoch, start

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        return self.num_items // self.batch_size

    def batch(self, position: int) -> list[Item]:
        """The items of batch `position` of the current epoch, for this process."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.num_items)
        indices = order[position * self.batch_size : (position + 1) * self.batch_size]
        positives = indices if self.sampled_positives is None else self.sampled_positives[indices]
        mine = slice(self.rank, None, self.world_size)
        return [(self.epoch, int(i), int(j)) for i, j in zip(indices[mine], positives[mine])]

    def __iter__(self) -> Iterator[list[Item]]:
        for position in range(self.start, len(self)):
            yield self.batch(position)
