"""Training runs: the trainer, exact resume, schedules, validation, several processes."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.training.build import initialize, train
    from speakerssl.training.checkpoint import average_checkpoints, load_checkpoint, save_checkpoint
    from speakerssl.training.schedule import learning_rate
    from speakerssl.training.trainer import Trainer
    from speakerssl.training.validation import Validator
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "build": ("initialize", "train"),
            "checkpoint": ("average_checkpoints", "load_checkpoint", "save_checkpoint"),
            "schedule": ("learning_rate",),
            "trainer": ("Trainer",),
            "validation": ("Validator",),
        },
    )

__all__ = [
    "Trainer",
    "Validator",
    "average_checkpoints",
    "initialize",
    "learning_rate",
    "load_checkpoint",
    "save_checkpoint",
    "train",
]
