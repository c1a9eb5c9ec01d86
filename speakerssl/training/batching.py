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

    Raises InputError for a file of groups that is malformed or lacks a recording, and for groups and lengths with what
    orders recordings otherwise.
    """
    data, training = config.data, config.training
    size, seed, rank, processes = training.batch_size, training.seed, world.rank, world.size
    streams = bool(data.shards) and not data.store
    if (data.groups is not None or data.by_length) and (classes is not None or streams):
        one = "data.groups" if data.groups is not None else "data.by_length"
        other = "method.balanced" if classes is not None else "data.shards"
        raise InputError(f"{one} and {other} both say which recordings form a batch: leave out one")
    lengths = dataset.seconds if data.by_length else None
    if data.groups is not None:
        return GroupBatches(read_groups(data.groups, dataset.ids), size, seed, rank, processes, lengths)
    if streams and classes is None:
        return ShardBatches(shard_numbers(dataset), data.shuffle_buffer, size, seed, rank, processes)
    return EpochBatches(len(dataset), size, seed, rank, processes, classes, lengths)
