"""Many small file look-ups at once: disks and network shares answer several in the time of one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from speakerssl.errors import InputError
from speakerssl.executors import elsewhere, map_elsewhere
from speakerssl.io import progress

T = TypeVar("T")
R = TypeVar("R")


class _Guarded(Generic[T, R]):
    """A function whose InputError is a result; it can travel to other machines if the function can."""

    def __init__(self, function: Callable[[T], R]) -> None:
        self.function = function

    def __call__(self, item: T) -> R | InputError:
        try:
            return self.function(item)
        except InputError as error:
            return error


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

    guarded = _Guarded(function)

    def batches() -> Iterator[tuple[T, R | InputError]]:
        with ThreadPoolExecutor(threads) as pool:
            for begin in range(0, len(items), 1024):
                batch = items[begin : begin + 1024]
                yield from zip(batch, pool.map(guarded, batch))

    yield from progress(batches(), len(items), description)


def map_recordings(
    function: Callable[[T], R], items: Sequence[T], description: str = "", jobs: int = 4
) -> Iterator[tuple[T, R | InputError]]:
    """`map_threads` by `jobs` threads; on another executor than `local` (see `executors`), by as many of its jobs.

    `function` is one that other machines can import: of a module, or an object of a class that is.
    """
    if not elsewhere():
        yield from map_threads(function, items, description, jobs)
        return
    found = map_elsewhere(_Guarded(function), items, jobs, consecutive=True)
    yield from progress(zip(items, found), len(items), description)
