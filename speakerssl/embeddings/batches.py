"""Batches of recordings of like length, so that little is computed on padding."""

from collections.abc import Mapping


def length_batches(durations: Mapping[str, float], batch_seconds: float) -> list[list[str]]:
    """All ids in batches whose padded length (number x longest) is at most `batch_seconds`, the longest first.

    A recording longer than that is a batch of its own. The order depends on durations and ids alone.
    """
    order = sorted(durations, key=lambda key: (-durations[key], key))
    batches: list[list[str]] = []
    for key in order:
        fits = batches and (len(batches[-1]) + 1) * durations[batches[-1][0]] <= batch_seconds
        if fits:
            batches[-1].append(key)
        else:
            batches.append([key])
    return batches
