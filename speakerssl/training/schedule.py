"""Learning rate as a pure function of the step: nothing to save, nothing to restore."""

import math

from speakerssl.config import Config, OptimizerConfig, ScheduleConfig
from speakerssl.errors import unknown_name

SCHEDULES = ("constant", "cosine", "step")


def learning_rate(
    step: int, total_steps: int, steps_per_epoch: int, optimizer: OptimizerConfig, schedule: ScheduleConfig
) -> float:
    """The rate at `step` (from 0): linear warm-up over `warmup_steps`, then the schedule."""
    if schedule.name not in SCHEDULES:
        raise unknown_name("schedule", schedule.name, SCHEDULES)
    warmup = min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    if schedule.name == "constant":
        factor = 1.0
    elif schedule.name == "step":
        factor = schedule.gamma ** math.floor(step / steps_per_epoch / schedule.every_epochs)
    else:
        done = max(0, step - schedule.warmup_steps) / max(1, total_steps - schedule.warmup_steps)
        factor = schedule.final_ratio + (1 - schedule.final_ratio) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return optimizer.lr * warmup * factor


def batch_ratio(config: Config) -> float:
    """kappa of the EMA scaling rule: batch over reference batch, 1 where none is set."""
    reference = config.scaling.reference_batch
    return config.training.batch_size / reference if reference else 1.0


def scaled_lr(optimizer: OptimizerConfig, kappa: float) -> float:
    """lr x kappa for SGD and x sqrt(kappa) for Adam (Busbridge et al. 2023, EMA scaling rule)."""
    return optimizer.lr * (kappa if optimizer.name == "sgd" else math.sqrt(kappa))
