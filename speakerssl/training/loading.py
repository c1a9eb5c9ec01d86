"""Batches from a loader, whose workers' expected errors arrive as they are: one line that names the recording.

torch raises what a worker raised with the worker's traceback for a message, in which the name is lost.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader

from speakerssl.errors import SpeakerSSLError


def make_loader(dataset: Any, collate: Callable[[list[Any]], Any], **options: Any) -> DataLoader[Any]:
    """A DataLoader over `dataset` with DataLoader's `options`, to be read by `batches_of`.

    Args:
        collate: makes a batch of the list of items; it runs in the worker.
    """
    return DataLoader(_Guarded(dataset, collate), collate_fn=_as_it_is, **options)  # type: ignore[arg-type]


def batches_of(loader: DataLoader[Any]) -> Iterator[Any]:
    """The batches of a loader of `make_loader`. Raises the SpeakerSSLError that kept one from being made."""
    for batch in loader:
        if isinstance(batch, SpeakerSSLError):
            raise batch
        yield batch


class Waiting:
    """How long training waits for its batches."""

    def __init__(self) -> None:
        self._waited, self._since = 0.0, time.monotonic()

    def over(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The same batches, counted."""
        while True:
            began = time.monotonic()
            batch = next(batches, None)
            self._waited += time.monotonic() - began
            if batch is None:
                return
            yield batch

    def percent(self) -> float:
        """The share of time that went into waiting since this was last asked, in percent."""
        now = time.monotonic()
        share = 100 * self._waited / max(now - self._since, 1e-9)
        self._waited, self._since = 0.0, now
        return share


class _Guarded:
    """A dataset that gives whole batches, or the error in place of one."""

    def __init__(self, dataset: Any, collate: Callable[[list[Any]], Any]) -> None:
        self.dataset, self.collate = dataset, collate

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, places: list[Any]) -> Any:
        """What the loader's workers call, once a batch."""
        try:
            fetch = getattr(self.dataset, "__getitems__", None)
            return self.collate([self.dataset[place] for place in places] if fetch is None else fetch(places))
        except SpeakerSSLError as error:
            return error


def _as_it_is(batch: Any) -> Any:
    return batch
