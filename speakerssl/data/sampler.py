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

    With `classes` (int array [num_items]) each class comes equally often and not each item: an epoch, as long as it
    would be without, goes round the classes in random order, and round the items of each. With `lengths` [num_items]
    items come in proportion to these: an epoch holds some twice and more, and others only now and then.
    """

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        classes: np.ndarray | None = None,
        lengths: np.ndarray | None = None,
    ) -> None:
        self.num_items, self.batch_size, self.seed = num_items, min(batch_size, num_items), seed
        self.rank, self.world_size = rank, world_size
        self.sampled_positives: np.ndarray | None = None
        self.classes, self.lengths = classes, lengths
        self.epoch = 0
        self.start = 0
        self._order: tuple[int, np.ndarray] | None = None  # of one epoch

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """The next iteration goes over `epoch`, from its batch number `start` on."""
        self.epoch, self.start = epoch, start

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        return self.num_items // self.batch_size

    def batch(self, position: int) -> list[Item]:
        """The items of batch `position` of the current epoch, for this process."""
        indices = self._epoch_order()[position * self.batch_size : (position + 1) * self.batch_size]
        positives = indices if self.sampled_positives is None else self.sampled_positives[indices]
        mine = slice(self.rank, None, self.world_size)
        return [(self.epoch, int(i), int(j)) for i, j in zip(indices[mine], positives[mine])]

    def _epoch_order(self) -> np.ndarray:
        """The items of the current epoch in their order."""
        if self._order is None or self._order[0] != self.epoch:
            self._order = self.epoch, self._draw_order(np.random.default_rng((self.seed, self.epoch)))
        return self._order[1]

    def _draw_order(self, rng: np.random.Generator) -> np.ndarray:
        if self.classes is not None:
            return balanced_order(self.classes, rng)
        return np.resize(rng.permutation(self._items(rng)), self.num_items)

    def _items(self, rng: np.random.Generator) -> np.ndarray:
        """The items of an epoch, in their own order; about `num_items`."""
        if self.lengths is None:
            return np.arange(self.num_items)
        wanted = self.num_items * self.lengths / self.lengths.sum()
        return np.repeat(np.arange(self.num_items), np.floor(wanted + rng.random(self.num_items)).astype(np.int64))

    def __iter__(self) -> Iterator[list[Item]]:
        for position in range(self.start, len(self)):
            yield self.batch(position)


class ShardBatches(EpochBatches):
    """`EpochBatches` over recordings in shards: shards in random order, recordings shuffled by a buffer, and each
    process its own shards.

    Args:
        shards: int [num_items], the shard that each item lies in; items of a shard follow each other.
        buffer: so many items are in the buffer that the next one is drawn from.

    Where processes have unequal shares, one with less begins again with its own first items.
    """

    def __init__(
        self, shards: np.ndarray, buffer: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        super().__init__(len(shards), batch_size, seed, rank, world_size)
        self.shards, self.buffer = shards, buffer
        self._starts = np.concatenate([[0], np.flatnonzero(np.diff(shards)) + 1, [len(shards)]])

    def batch(self, position: int) -> list[Item]:
        size = self.batch_size // self.world_size
        indices = self._epoch_order()[position * size : (position + 1) * size]
        positives = indices if self.sampled_positives is None else self.sampled_positives[indices]
        return [(self.epoch, int(i), int(j)) for i, j in zip(indices, positives)]

    def _draw_order(self, rng: np.random.Generator) -> np.ndarray:
        order = rng.permutation(len(self._starts) - 1)
        mine = order[self.rank :: self.world_size]
        if not len(mine):
            mine = order[[self.rank % len(order)]]
        items = np.concatenate([np.arange(self._starts[shard], self._starts[shard + 1]) for shard in mine])
        own = np.random.default_rng((self.seed, self.epoch, self.rank))
        wanted = len(self) * (self.batch_size // self.world_size)
        return np.resize(buffer_shuffle(items, self.buffer, own), wanted)


def buffer_shuffle(items: np.ndarray, buffer: int, rng: np.random.Generator) -> np.ndarray:
    """`items` [N] in the order in which a buffer gives them that is refilled in order, each draw at random from it."""
    kept = list(items[:buffer])
    places = rng.integers(0, max(1, len(kept)), max(0, len(items) - buffer))
    given = np.empty_like(items)
    for number, (place, item) in enumerate(zip(places.tolist(), items[buffer:])):
        given[number], kept[place] = kept[place], item
    given[len(places) :] = rng.permutation(np.asarray(kept, dtype=items.dtype))
    return given


def balanced_order(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many items as there are `classes` [N], the classes in random order again and again, each equally often."""
    names, numbers, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    rounds = -(-len(classes) // len(names))
    drawn = np.concatenate([rng.permutation(len(names)) for _ in range(rounds)])[: len(classes)]
    shuffled = rng.permutation(len(classes))
    members = shuffled[np.argsort(numbers[shuffled], kind="stable")]  # by class, in random order within each
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    # The k-th time that a class is drawn, its k-th member comes, round and round.
    turn = np.empty(len(drawn), np.int64)
    by_class = np.argsort(drawn, kind="stable")
    draws = np.bincount(drawn, minlength=len(names))
    turn[by_class] = np.arange(len(drawn)) - np.repeat(np.cumsum(draws) - draws, draws)
    return members[starts[drawn] + turn % sizes[drawn]]
