"""Learning rates and the EMA scaling rule against their formulas."""

import math
from typing import Any, cast

import pytest

from speakerssl.config import OptimizerConfig, ScheduleConfig
from speakerssl.errors import InputError
from speakerssl.methods.momentum import scaled_momentum
from speakerssl.training.schedule import learning_rate, scaled_lr

ADAM = OptimizerConfig(lr=1e-3)


def test_the_papers_steps() -> None:
    paper = ScheduleConfig(name="step", gamma=0.95, every_epochs=10)
    for epoch in (0, 9, 10, 25, 299):
        expected = 1e-3 * 0.95 ** (epoch // 10)
        assert learning_rate(epoch * 7, 2100, 7, ADAM, paper) == pytest.approx(expected)


def test_cosine_starts_at_the_top_and_ends_at_its_ratio() -> None:
    cosine = ScheduleConfig(name="cosine", final_ratio=0.1)
    assert learning_rate(0, 100, 10, ADAM, cosine) == pytest.approx(1e-3)
    assert learning_rate(50, 100, 10, ADAM, cosine) == pytest.approx(1e-3 * (0.1 + 0.9 * 0.5))
    assert learning_rate(100, 100, 10, ADAM, cosine) == pytest.approx(1e-4)


def test_warmup_is_linear() -> None:
    schedule = ScheduleConfig(name="constant", warmup_steps=4)
    rates = [learning_rate(step, 100, 10, ADAM, schedule) for step in range(6)]
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])


def test_warmup_over_epochs_from_zero_and_a_cosine_over_all_of_the_run() -> None:
    """3D-Speaker's schedule (the cosine takes the rest) and sslsv's for DINO (it is cut off), as printed there."""
    rest = ScheduleConfig(name="cosine", final_ratio=0.01, warmup_epochs=2, warmup_from_zero=True)
    whole = ScheduleConfig(name="cosine", final_ratio=0.01, warmup_epochs=2, warmup_from_zero=True, cosine_over="all")
    total, per_epoch, warm, top, low = 100, 10, 20, 1e-3, 1e-5
    rise = [top * step / (warm - 1) for step in range(warm)]
    for schedule, length in ((rest, total - warm), (whole, total)):
        fall = [low + 0.5 * (top - low) * (1 + math.cos(math.pi * i / length)) for i in range(total - warm)]
        got = [learning_rate(step, total, per_epoch, ADAM, schedule) for step in range(total)]
        assert got == pytest.approx(rise + fall)
    with pytest.raises(InputError, match="'warmup_steps' or 'warmup_epochs', not both"):
        learning_rate(0, 9, 3, ADAM, ScheduleConfig(warmup_steps=1, warmup_epochs=1))


def test_ema_scaling_rule() -> None:
    assert scaled_momentum(0.996, 4) == pytest.approx(0.98410, abs=1e-5)
    assert scaled_lr(ADAM, 4) == pytest.approx(2e-3)
    assert scaled_lr(OptimizerConfig(name="sgd", lr=0.1), 4) == pytest.approx(0.4)
    assert math.isclose(scaled_momentum(0.99, 1), 0.99)


def test_unknown_schedule() -> None:
    with pytest.raises(InputError, match="the known ones are"):
        learning_rate(0, 1, 1, ADAM, ScheduleConfig(name=cast(Any, "linear")))
