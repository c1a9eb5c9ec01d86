"""Labels for a method that trains on them: which recordings take part, and with which class."""

from pathlib import Path

import numpy as np

from speakerssl.augment.speed_copies import SpeedCopy, copy_name
from speakerssl.config import Config
from speakerssl.data.kaldi import DataDir
from speakerssl.data.labels import Shares, number_labels, read_labels
from speakerssl.data.sampler import Item
from speakerssl.data.views import AudioViews, ViewDataset
from speakerssl.errors import InputError
from speakerssl.methods import Method
from speakerssl.methods.supervised import Supervised
from speakerssl.training.centres import start_centres


class LabelledViews:
    """The recordings `kept` [N] (numbers) of a dataset."""

    def __init__(self, dataset: ViewDataset, kept: list[int]) -> None:
        self.dataset, self.kept = dataset, kept
        self.ids = [dataset.ids[number] for number in kept]

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def seconds(self) -> np.ndarray:
        return self.dataset.seconds[self.kept]

    def __getitem__(self, item: Item) -> list[np.ndarray]:
        epoch, anchor, partner = item
        return self.dataset[(epoch, self.kept[anchor], self.kept[partner])]

    def __getitems__(self, items: list[Item]) -> list[list[np.ndarray]]:
        own = [(epoch, self.kept[anchor], self.kept[partner]) for epoch, anchor, partner in items]
        batch = getattr(self.dataset, "__getitems__", None)
        return [self.dataset[item] for item in own] if batch is None else batch(own)

    def reference_crop(self, index: int, seconds: float, rng: np.random.Generator | None = None) -> np.ndarray:
        return self.dataset.reference_crop(self.kept[index], seconds, rng)


def apply_labels(method: Method, config: Config, dataset: ViewDataset) -> ViewDataset:
    """Gives a supervised `method` its labels; the dataset of the recordings that have one, with their speed copies.

    Any other method and its dataset stay as they are, and no label is read. Raises InputError where there are none.
    """
    if not isinstance(method, Supervised):
        return dataset
    if method.sampler is not None:
        raise InputError("method supervised samples no positives: leave out `ssps`")
    directories = (DataDir.read(path) for path in config.data.train if Path(path).is_dir())
    table = read_labels(method.source, directories, dataset.ids)
    kept = [number for number, key in enumerate(dataset.ids) if key in table]
    if not kept:
        raise InputError(f"{method.source}: has a label for none of the training recordings")
    labelled: ViewDataset = LabelledViews(dataset, kept)
    if method.speeds:
        labelled, table = _with_copies(dataset, kept, table, method.speeds)
    method.use_labels(number_labels(labelled.ids, table))
    if method.centres is not None:
        start_centres(method, labelled.ids, method.centres, config.training.seed)
    return labelled


def _with_copies(
    dataset: ViewDataset, kept: list[int], table: dict[str, Shares], speeds: tuple[float, ...]
) -> tuple[ViewDataset, dict[str, Shares]]:
    """The recordings `kept` and their copies at each speed, with the labels of both."""
    if not isinstance(dataset, AudioViews):
        raise InputError("method supervised: speeds are made from recordings: name them under data.train, not a store")
    utterances = [dataset.utterances[number] for number in kept]
    lengths = [dataset.num_samples[number] for number in kept]
    every, sizes, labels = list(utterances), list(lengths), dict(table)
    for speed in speeds:
        every += [SpeedCopy(utterance, speed) for utterance in utterances]
        sizes += [int(length / speed) for length in lengths]
        for utterance in utterances:
            shares = tuple((copy_name(name, speed), share) for name, share in table[utterance.id])
            labels[copy_name(utterance.id, speed)] = shares
    views = AudioViews(every, sizes, dataset.views, dataset.augment, dataset.seed, dataset.sample_rate)
    return views, labels
