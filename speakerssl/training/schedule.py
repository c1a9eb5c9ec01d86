"""Learning rate as a pure function of the step: nothing to save, nothing to restore."""

import math

from speakerssl.config import Config, OptimizerConfig, ScheduleConfig
from speakerssl.errors import InputError, unknown_name

SCHEDULES = ("constant", "cosine", "step")


def learning_rate(
    step: int, total_steps: int, steps_per_epoch: int, optimizer: OptimizerConfig, schedule: ScheduleConfig
) -> float:
    """The rate at `step` (from 0): a linear warm-up, then the schedule."""
    if schedule.name not in SCHEDULES:
        raise unknown_name("schedule", schedule.name, SCHEDULES)
    warmup = warmup_steps(schedule, steps_per_epoch)
    if step < warmup:
        first = schedule.warmup_from_zero
        return optimizer.lr * (step / max(1, warmup - 1) if first else (step + 1) / warmup)
    if schedule.name == "constant":
        return optimizer.lr
    if schedule.name == "step":
        return optimizer.lr * schedule.gamma ** math.floor(step / steps_per_epoch / schedule.every_epochs)
    length = total_steps if schedule.cosine_over == "all" else total_steps - warmup
    done = min(1.0, (step - warmup) / max(1, length))
    return optimizer.lr * (schedule.final_ratio + (1 - schedule.final_ratio) * 0.5 * (1 + math.cos(math.pi * done)))


def warmup_steps(schedule: ScheduleConfig, steps_per_epoch: int) -> int:
    """Steps of the warm-up. Raises InputError where it is given in steps and in epochs."""
    if schedule.warmup_steps and schedule.warmup_epochs:
        raise InputError("schedule: give 'warmup_steps' or 'warmup_epochs', not both")
    return schedule.warmup_steps or round(schedule.warmup_epochs * steps_per_epoch)


def batch_ratio(config: Config) -> float:
    """kappa of the EMA scaling rule: batch over reference batch, 1 where none is set."""
    reference = config.scaling.reference_batch
    return config.training.batch_size / reference if reference else 1.0


def scaled_lr(optimizer: OptimizerConfig, kappa: float) -> float:
    """lr x kappa for SGD and x sqrt(kappa) for Adam (Busbridge et al. 2023, EMA scaling rule)."""
    return optimizer.lr * (kappa if optimizer.name == "sgd" else math.sqrt(kappa))
