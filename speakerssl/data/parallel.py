"""Many small file look-ups at once: disks and network shares answer several in the time of one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from speakerssl.errors import InputError
from speakerssl.io import progress

T = TypeVar("T")
R = TypeVar("R")


def map_threads(
    function: Callable[[T], R],
    items: Sequence[T],
    description: str = "",
    threads: int = 4,
    quiet: bool = False,
) -> Iterator[tuple[T, R | InputError]]:
    """Yields (item, function(item)) in order; an InputError is yielded in place of the result.

    Items are handed out in batches, so that a million of them do not queue as a million tasks.
    """

    def guarded(item: T) -> R | InputError:
        try:
            return function(item)
        except InputError as error:
            return error

    def batches() -> Iterator[tuple[T, R | InputError]]:
        with ThreadPoolExecutor(threads) as pool:
            for begin in range(0, len(items), 1024):
                batch = items[begin : begin + 1024]
                yield from zip(batch, pool.map(guarded, batch))

    yield from progress(batches(), len(items), description)
