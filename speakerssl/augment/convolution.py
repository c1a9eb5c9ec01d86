"""Convolution of many crops with rooms at once: FFTs in batches, the responses' spectra kept.

One FFT of many rows takes less than half as long a row as one FFT each, and gives the same bits; a response that comes
again costs no FFT at all. What is asked for one crop after the other (`Convolution`) is therefore collected over the
recordings of a batch: `run_together` takes one generator a recording, which yields what it wants convolved and is
sent the result.
"""

from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from scipy.fft import irfft, rfft

from speakerssl.augment.levels import match_power
from speakerssl.augment.rir import Rir
from speakerssl.augment.shared_arrays import SharedArrays

ROWS = 16  # of one FFT: as many crops as stay in a core's cache
_STEPS = (8, 9, 10, 12)  # times a power of two: sizes that FFTs are fast at, and few enough for spectra to come again

R = TypeVar("R")


@dataclass(frozen=True)
class Convolution:
    """What a stage of a chain wants: `wave` [S] in the room of `rir`, see `convolve_all`."""

    wave: np.ndarray
    rir: Rir
    keep_power: bool
    spectra: SharedArrays | None = None


Steps = Generator[Convolution, np.ndarray, R]


def run_together(tasks: Sequence[Steps[R]]) -> list[R]:
    """The results of generators, whose convolutions are done in batches as they come; each runs in its own order."""
    results: list[Any] = [None] * len(tasks)
    answers: dict[int, np.ndarray | None] = dict.fromkeys(range(len(tasks)))
    while answers:
        wanted: dict[int, Convolution] = {}
        for number, answer in answers.items():
            try:
                # A generator that has just been made is started by None.
                wanted[number] = tasks[number].send(answer)  # type: ignore[arg-type]
            except StopIteration as stop:
                results[number] = stop.value
        answers = dict(zip(wanted, convolve_all(list(wanted.values()))))
    return results


def convolve_all(wanted: Sequence[Convolution]) -> list[np.ndarray]:
    """Each wave [S] convolved with its response, cut to [S] such that the direct path is not delayed: float32 [S].

    With `keep_power` the result has the power of the wave; otherwise the response alone decides its level.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(wanted):
        groups[fft_length(len(one.wave) + len(one.rir.samples) - 1)].append(number)
    results: list[np.ndarray] = [np.zeros(0, np.float32)] * len(wanted)
    for size, numbers in groups.items():
        for begin in range(0, len(numbers), ROWS):
            some = numbers[begin : begin + ROWS]
            for number, wet in zip(some, _convolve_rows([wanted[number] for number in some], size)):
                results[number] = wet
    return results


def fft_length(samples: int) -> int:
    """The smallest size of at least `samples` that is 8, 9, 10 or 12 times a power of two."""
    power = max(0, (max(samples, 1) - 1).bit_length() - 4)
    return next(step << power for step in (*_STEPS, 16) if step << power >= samples)


def _convolve_rows(wanted: Sequence[Convolution], size: int) -> list[np.ndarray]:
    rows = np.zeros((len(wanted), size), np.float32)
    for row, one in zip(rows, wanted):
        row[: len(one.wave)] = one.wave
    spectra = rfft(rows, overwrite_x=True)
    for row, spectrum in zip(spectra, _response_spectra(wanted, size)):
        row *= spectrum
    wet = irfft(spectra, size, overwrite_x=True)
    results = []
    for row, one in zip(wet, wanted):
        cut = row[one.rir.direct : one.rir.direct + len(one.wave)]
        results.append(match_power(cut, one.wave) if one.keep_power else cut.astype(np.float32))
    return results


def _response_spectra(wanted: Sequence[Convolution], size: int) -> list[np.ndarray]:
    """complex64 [size // 2 + 1] of each response, from its `spectra` where it was there before."""
    found: list[np.ndarray | None] = []
    for one in wanted:
        known = one.rir.place is not None and one.spectra is not None
        found.append(one.spectra.get(_key(one.rir, size)) if known else None)  # type: ignore[union-attr]
    missing = [number for number, spectrum in enumerate(found) if spectrum is None]
    if missing:
        rows = np.zeros((len(missing), size), np.float32)
        for row, number in zip(rows, missing):
            row[: len(wanted[number].rir.samples)] = wanted[number].rir.samples
        for number, spectrum in zip(missing, rfft(rows, overwrite_x=True)):
            one = wanted[number]
            if one.rir.place is not None and one.spectra is not None:
                one.spectra.put(_key(one.rir, size), spectrum)
            found[number] = spectrum
    return found  # type: ignore[return-value]


def _key(rir: Rir, size: int) -> tuple[int, int, int]:
    assert rir.place is not None
    return (*rir.place, size)
