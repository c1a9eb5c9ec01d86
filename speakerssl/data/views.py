"""Datasets that turn `(epoch, anchor, positive)` into views. Every draw is a function of (seed, epoch, anchor).

Both kinds give a list with one array a view: waveforms [S] from audio, features [T, F] from a store. The
first view comes from the anchor, the second from its positive (the same recording unless positives are
sampled), the others from the anchor.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from speakerssl.config import ViewsConfig
from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.crops import Crop, one_crop, plan_views, wrap_pad
from speakerssl.data.sampler import Item
from speakerssl.data.store import FeatureStore

FRAMES_PER_SECOND = 100
Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class ViewDataset(Protocol):
    """What the trainer knows of a source of views."""

    ids: list[str]

    def __len__(self) -> int: ...

    @property
    def seconds(self) -> np.ndarray:
        """[N], how long each recording is."""
        ...

    def __getitem__(self, item: Item) -> list[np.ndarray]: ...

    def reference_crop(self, index: int, seconds: float, rng: np.random.Generator | None = None) -> np.ndarray:
        """An unaugmented crop of a recording: the first `seconds` (less of a shorter one), or with `rng` one of exactly
        that length anywhere in it (a shorter recording is repeated)."""
        ...


class AudioViews:
    """Views cut from recordings: only the crop is decoded, then augmented on its own.

    Args:
        utterances: of one or more data directories (`id`, `source`, `start`, `end`).
        num_samples: length of each at `sample_rate`, known from headers.
        augment: called once a view, or None.
    """

    def __init__(
        self,
        utterances: Sequence[Any],
        num_samples: Sequence[int],
        views: ViewsConfig,
        augment: Augment | None,
        seed: int,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        self.utterances, self.num_samples = list(utterances), list(num_samples)
        self.ids = [utterance.id for utterance in self.utterances]
        self.views, self.augment, self.seed, self.sample_rate = views, augment, seed, sample_rate

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def seconds(self) -> np.ndarray:
        return np.asarray(self.num_samples) / self.sample_rate

    def __getitem__(self, item: Item) -> list[np.ndarray]:
        return self.__getitems__([item])[0]

    def __getitems__(self, items: Sequence[Item]) -> list[list[np.ndarray]]:
        """The views of a batch, the same bits as one by one; its crops get their rooms together, which costs less."""
        tasks = [self._steps(item) for item in items]
        together = getattr(self.augment, "run_together", None)
        return [_finish(task) for task in tasks] if together is None else together(tasks)

    def _steps(self, item: Item) -> Generator[Any, Any, list[np.ndarray]]:
        epoch, anchor, positive = item
        rng = np.random.default_rng((self.seed, epoch, anchor))
        seconds = self.views.crop_seconds, self.views.local_seconds
        length, local = (round(s * self.sample_rate) for s in seconds)
        plans = {index: self._plan(index, length, local, rng) for index in dict.fromkeys((anchor, positive))}
        clean = draw_clean(self.views.clean_prob, rng)
        augment = for_recording(self.augment, rng)
        waves = self._read_views(anchor, positive, plans)
        for number, wave in enumerate(waves):
            if augment is None or not self._augmented(number, clean):
                continue
            steps = getattr(augment, "steps", None)
            waves[number] = augment(wave, rng) if steps is None else (yield from steps(wave, rng))
        return waves

    def _read_views(
        self, anchor: int, positive: int, plans: Mapping[int, Sequence[tuple[Crop, int]]]
    ) -> list[np.ndarray]:
        """The crop of each view, as long as is wanted; each recording is opened once."""
        sources = [positive if number == 1 else anchor for number in range(len(plans[anchor]))]
        waves: list[np.ndarray] = [np.zeros(0, np.float32)] * len(sources)
        for source in dict.fromkeys(sources):
            numbers = [number for number, index in enumerate(sources) if index == source]
            crops = [plans[source][number][0] for number in numbers]
            seconds = [(start / self.sample_rate, length / self.sample_rate) for start, length in crops]
            for number, wave in zip(numbers, self.utterances[source].read_crops(seconds)):
                waves[number] = wrap_pad(wave, plans[source][number][1])
        return waves

    def reference_crop(self, index: int, seconds: float, rng: np.random.Generator | None = None) -> np.ndarray:
        if rng is None:
            return self.utterances[index].read(0.0, seconds)
        length = round(seconds * self.sample_rate)
        return wrap_pad(self._read(index, one_crop(self.num_samples[index], length, rng)), length)

    def _plan(self, index: int, length: int, local: int, rng: np.random.Generator) -> list[tuple[Crop, int]]:
        total = self.num_samples[index]
        return plan_views(
            total, length, self.views.num_global, local, self.views.num_local, rng, *placement(self.views)
        )

    def _augmented(self, number: int, clean: int | None) -> bool:
        return number != clean and (self.views.augment_global or number >= self.views.num_global)

    def _read(self, index: int, crop: Crop) -> np.ndarray:
        start, length = crop
        return self.utterances[index].read(start / self.sample_rate, length / self.sample_rate)


class StoreViews:
    """Views cut from feature stores: another augmented copy for every view of a recording, or the clean one where
    a store has no other."""

    def __init__(self, stores: Sequence[FeatureStore], views: ViewsConfig, seed: int, exclude: set[str]) -> None:
        self.stores, self.views, self.seed = list(stores), views, seed
        self.places = [
            (store, index)
            for store in self.stores
            for index, utterance in enumerate(store.ids)
            if utterance not in exclude and store.num_frames(index) >= 2
        ]
        self.ids = [store.ids[index] for store, index in self.places]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def seconds(self) -> np.ndarray:
        return np.array([store.num_frames(index) for store, index in self.places]) / FRAMES_PER_SECOND

    def __getitem__(self, item: Item) -> list[np.ndarray]:
        epoch, anchor, positive = item
        rng = np.random.default_rng((self.seed, epoch, anchor))
        seconds = self.views.crop_seconds, self.views.local_seconds
        length, local = (round(s * FRAMES_PER_SECOND) for s in seconds)
        globals_, locals_ = self.views.num_global, self.views.num_local
        plans = {}
        for source in dict.fromkeys((anchor, positive)):
            store, index = self.places[source]
            plans[source] = plan_views(
                store.num_frames(index), length, globals_, local, locals_, rng, *placement(self.views)
            )
        views, copies = [], self._copies(globals_ + locals_, rng)
        for number, copy in enumerate(copies):
            source = positive if number == 1 else anchor
            store, index = self.places[source]
            (start, available), wanted = plans[source][number]
            frames = store.frames(index, copy, start, available)
            views.append(wrap_pad(frames, wanted).astype(np.float32))
        return views

    def reference_crop(self, index: int, seconds: float, rng: np.random.Generator | None = None) -> np.ndarray:
        store, place = self.places[index]
        length = round(seconds * FRAMES_PER_SECOND)
        if rng is None:
            return store.frames(place, 0, 0, length).astype(np.float32)
        start, available = one_crop(store.num_frames(place), length, rng)
        return wrap_pad(store.frames(place, 0, start, available), length).astype(np.float32)

    def _copies(self, count: int, rng: np.random.Generator) -> list[int]:
        augmented = self.stores[0].num_copies - 1
        if augmented == 0:
            return [0] * count
        order = rng.permutation(augmented) + 1
        clean = draw_clean(self.views.clean_prob, rng)
        return [0 if i == clean else int(order[i % augmented]) for i in range(count)]


def _finish(task: Generator[Any, Any, list[np.ndarray]]) -> list[np.ndarray]:
    """The result of a task that asks for nothing."""
    try:
        next(task)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("an augmentation asks for a convolution and has no way to do it")


def shard_numbers(dataset: Any) -> np.ndarray:
    """int64 [len(dataset)]: which shard each recording lies in, counted over all sets of shards in order.

    A dataset of some recordings of another (`kept`, labels) has their shards.
    """
    if hasattr(dataset, "kept"):
        return shard_numbers(dataset.dataset)[dataset.kept]
    names = [(id(one.shards), one.place.shard) for one in dataset.utterances]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)


def placement(views: ViewsConfig) -> tuple[bool, bool]:
    """`disjoint` and `gap_first` of crops.plan_views."""
    return views.disjoint, views.placement == "gap_first"


def for_recording(augment: Augment | None, rng: np.random.Generator) -> Augment | None:
    """The augmentation of one recording's views: what it draws once a recording (a speed) is drawn here."""
    prepare = getattr(augment, "for_recording", None)
    return augment if prepare is None else prepare(rng)


def draw_clean(prob: float, rng: np.random.Generator) -> int | None:
    """Which of the first two views stays unaugmented, or None; draws nothing where that never happens."""
    return int(rng.integers(2)) if prob > 0 and rng.random() < prob else None


def collate(items: Sequence[list[np.ndarray]]) -> list[Tensor]:
    """One tensor [B, ...] a view."""
    return [torch.from_numpy(np.stack(views)) for views in zip(*items)]
