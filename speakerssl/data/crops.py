"""Where the views of a recording lie: positions only, in whatever unit (samples or frames) the caller counts."""

import numpy as np

Crop = tuple[int, int]  # start, available length; shorter than asked means: wrap-pad


def two_crops(total: int, length: int, rng: np.random.Generator) -> tuple[Crop, Crop]:
    """Two crops of `length` that never overlap, in random order.

    A recording shorter than two crops is cut in its middle and each half gives one crop: at most `length`
    long, and shorter where the half is (the caller wrap-pads it).
    """
    if total >= 2 * length:
        first, second = np.sort(rng.integers(0, total - 2 * length + 1, size=2))
        crops = (int(first), length), (int(second) + length, length)
    else:
        half = total // 2
        crops = one_crop(half, length, rng), one_crop(total - half, length, rng)
        crops = crops[0], (crops[1][0] + half, crops[1][1])
    return crops if rng.random() < 0.5 else (crops[1], crops[0])


def gap_first_crops(total: int, length: int, rng: np.random.Generator) -> tuple[Crop, Crop]:
    """Two crops of `length` that never overlap, the earlier one first: their gap is drawn before their place.

    So the snapshot of sslsv behind the seed paper (arXiv 2306.03664) draws them; an odd gap is rounded down there. A
    recording shorter than two crops, of which VoxCeleb has none, is cut as `two_crops` cuts it.
    """
    if total < 2 * length:
        return two_crops(total, length, rng)
    half = int(rng.integers(0, total - 2 * length + 1)) // 2
    pivot = int(rng.integers(length + half, total - (length + half) + 1))
    return (pivot - half - length, length), (pivot + half, length)


def one_crop(total: int, length: int, rng: np.random.Generator) -> Crop:
    """A crop of `length` anywhere in the recording, or the whole of a shorter one."""
    if total <= length:
        return 0, total
    return int(rng.integers(0, total - length + 1)), length


def wrap_pad(values: np.ndarray, length: int) -> np.ndarray:
    """Repeats `values` [n, ...] along the first axis until it is `length` long; a longer one is cut."""
    if len(values) >= length:
        return values[:length]
    return np.take(values, np.arange(length), axis=0, mode="wrap")


def plan_views(
    total: int,
    length: int,
    num_global: int,
    local_length: int,
    num_local: int,
    rng: np.random.Generator,
    disjoint: bool = True,
    gap_first: bool = False,
) -> list[tuple[Crop, int]]:
    """All views of one recording as `(crop, wanted length)`: globals first, of these the first two apart.

    Without `disjoint` every crop lies anywhere; `gap_first` is how the two that are apart are placed.
    """
    crops: list[tuple[Crop, int]] = []
    if num_global >= 2 and disjoint:
        place = gap_first_crops if gap_first else two_crops
        crops += [(crop, length) for crop in place(total, length, rng)]
    while len(crops) < num_global:
        crops.append((one_crop(total, length, rng), length))
    crops += [(one_crop(total, local_length, rng), local_length) for _ in range(num_local)]
    return crops
