"""Batches of convolutions equal one at a time bit for bit, and the sum that defines them."""

import numpy as np
import pytest

from speakerssl.augment.convolution import Convolution, Steps, convolve_all, fft_length, run_together
from speakerssl.augment.rir import Rir, exponential_rir
from speakerssl.augment.shared_arrays import SharedArrays


def requests(rng: np.random.Generator, count: int, spectra: SharedArrays | None = None) -> list[Convolution]:
    rirs = [exponential_rir(rng) for _ in range(3)]
    rirs = [Rir(rir.samples, rir.direct, (number, 0)) for number, rir in enumerate(rirs)]
    waves = [rng.standard_normal(int(rng.integers(300, 3000))).astype(np.float32) for _ in range(count)]
    return [Convolution(wave, rirs[i % 3], i % 2 == 0, spectra) for i, wave in enumerate(waves)]


def test_equals_the_sum_that_defines_it(rng: np.random.Generator) -> None:
    for one, wet in zip(wanted := requests(rng, 7), convolve_all(wanted)):
        full = np.convolve(one.wave.astype(float), one.rir.samples)[one.rir.direct :][: len(one.wave)]
        if one.keep_power:
            full *= np.sqrt(np.mean(one.wave.astype(float) ** 2) / np.mean(full**2))
        assert wet.dtype == np.float32
        np.testing.assert_allclose(wet, full, atol=3e-5 * np.abs(full).max() + 1e-6)


def test_a_batch_has_the_bits_of_one_at_a_time_with_and_without_kept_spectra(rng: np.random.Generator) -> None:
    wanted = requests(rng, 40)
    kept = [Convolution(one.wave, one.rir, one.keep_power, spectra) for spectra in [SharedArrays(np.complex64, 4)]
            for one in wanted]  # fmt: skip
    alone = [convolve_all([one])[0] for one in wanted]
    for several in (convolve_all(wanted), convolve_all(kept), convolve_all(kept)):
        for first, second in zip(alone, several):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("samples", [1, 8, 9, 11, 13, 17, 1000, 32001, 40960, 40961, 49153, 65537])
def test_lengths_are_large_enough_and_quick(samples: int) -> None:
    size = fft_length(samples)
    assert samples <= size <= max(8, 4 / 3 * samples)
    while size % 2 == 0:
        size //= 2
    assert size in (1, 3, 5, 9)


def test_each_task_runs_in_its_own_order_and_may_ask_for_nothing(rng: np.random.Generator) -> None:
    wanted = requests(rng, 6)

    def task(number: int) -> Steps[tuple[int, list[np.ndarray]]]:
        answers = []
        for one in wanted[:number]:
            answers.append((yield one))
        return number, answers

    for number, (said, answers) in enumerate(run_together([task(n) for n in range(6)])):
        assert said == number
        for one, answer in zip(wanted, answers, strict=False):
            np.testing.assert_array_equal(answer, convolve_all([one])[0])


def test_a_failing_task_is_not_swallowed(rng: np.random.Generator) -> None:
    def failing() -> Steps[int]:
        yield requests(rng, 1)[0]
        raise RuntimeError("what went wrong")

    with pytest.raises(RuntimeError, match="what went wrong"):
        run_together([failing()])
