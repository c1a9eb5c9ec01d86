"""The best checkpoint by validation trials, for `training.select: best`; never by a test list."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from speakerssl.errors import InputError
from speakerssl.training.checkpoint import Stateful, write_state

NAME = "best.pt"


class BestCheckpoint:
    """Keeps the method's weights of the lowest validation EER seen; of equal ones the earliest.

    What is kept is a function of the run alone: a resumed run meets the same values again and keeps the same weights.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.path, self.run = folder / NAME, run
        self.step, self.value = -1, float("inf")
        if self.path.exists():
            state = self._read()
            self.step, self.value = int(state["step"]), float(state["value"])

    def offer(self, step: int, value: float, method: Stateful) -> None:
        """Keeps the weights after `step` steps if `value` is below all before."""
        if value >= self.value:
            return
        self.step, self.value = step, value
        write_state(self.path, {"step": step, "value": value, "run": self.run, "method": method.state_dict()})

    def load_into(self, method: nn.Module) -> None:
        """Puts the best weights into `method`. Raises InputError where nothing was ever validated."""
        if not self.path.exists():
            raise InputError("training.select: 'best' needs validation trials: give validation.data and .trials")
        method.load_state_dict(self._read()["method"])

    def _read(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"{self.path}: cannot be loaded ({str(error).splitlines()[0][:120]})") from None
        if state["run"] != self.run:
            raise InputError(f"{self.path}: belongs to another configuration; give this run another --output")
        return state
