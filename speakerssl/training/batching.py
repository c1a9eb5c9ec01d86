"""Which batches a configuration asks for: shuffled, balanced by class, of one group each, or by shards."""

import numpy as np

from speakerssl.config import Config
from speakerssl.data.group_batches import GroupBatches, read_groups
from speakerssl.data.sampler import EpochBatches, ShardBatches
from speakerssl.data.views import ViewDataset, shard_numbers
from speakerssl.errors import InputError
from speakerssl.training.distributed import World


def build_batches(config: Config, dataset: ViewDataset, classes: np.ndarray | None, world: World) -> EpochBatches:
    """The batches of `dataset`; `classes` int [N] where each class is to come equally often.

    Raises InputError for a file of groups that is malformed or lacks a recording, and for groups with what orders
    recordings otherwise.
    """
    data, training = config.data, config.training
    size, seed, rank, processes = training.batch_size, training.seed, world.rank, world.size
    streams = bool(data.shards) and not data.store
    if data.groups is not None:
        if classes is not None or streams:
            other = "method.balanced" if classes is not None else "data.shards"
            raise InputError(f"data.groups and {other} both say which recordings form a batch: leave out one")
        return GroupBatches(read_groups(data.groups, dataset.ids), size, seed, rank, processes)
    if streams and classes is None:
        return ShardBatches(shard_numbers(dataset), data.shuffle_buffer, size, seed, rank, processes)
    return EpochBatches(len(dataset), size, seed, rank, processes, classes)
