"""What a person sees of training: a live display, `train.jsonl`, TensorBoard."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from speakerssl.io import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN_EVERY = 20.0  # seconds between lines where standard error is no terminal


class TrainingLog:
    """Writes one JSON object a logged step; after a resume the lines past `start` are dropped first."""

    def __init__(self, output: Path, start: int, total_steps: int, tensorboard: bool) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.path = output / "train.jsonl"
        _truncate(self.path, start)
        self.stream = self.path.open("a", encoding="utf-8")
        self.board = _tensorboard(output / "tensorboard", start) if tensorboard else None
        self.total_steps, self.start, self.last_plain = total_steps, start, 0.0
        self.began = time.monotonic()
        self.progress: Progress | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            self.progress = Progress(*columns, console=Console(stderr=True))
            self.task = self.progress.add_task("training", total=total_steps, completed=start)
            self.progress.start()

    def step(self, step: int, values: dict[str, Any]) -> None:
        """Logs `values` after `step` steps are done."""
        self.stream.write(json.dumps({"step": step, **values}) + "\n")
        self.stream.flush()
        if self.board is not None:
            for key, value in values.items():
                if isinstance(value, (int, float)):
                    self.board.add_scalar(key, value, step)
        line = self._line(step, values)
        if self.progress is not None:
            self.progress.update(self.task, completed=step, description=line)
        elif "valid_eer_percent" in values or time.monotonic() - self.last_plain > PLAIN_EVERY:
            self.last_plain = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    def picture(self, step: int, name: str, draw: Callable[[], "Figure"]) -> None:
        """Shows what `draw` returns in TensorBoard; without TensorBoard nothing is drawn."""
        if self.board is not None:
            self.board.add_figure(name, draw(), step)

    def close(self) -> None:
        self.stream.close()
        if self.board is not None:
            self.board.close()
        if self.progress is not None:
            self.progress.stop()

    def _line(self, step: int, values: dict[str, Any]) -> str:
        elapsed = time.monotonic() - self.began
        left = elapsed / max(1, step - self.start) * (self.total_steps - step)
        parts = [f"step {step}/{self.total_steps}"]
        names = {"loss": "loss", "lr": "lr", "recordings_per_second": "rec/s", "data_wait_percent": "data wait %"}
        names["valid_eer_percent"] = "valid EER %"
        parts += [f"{name} {values[key]:.4g}" for key, name in names.items() if key in values]
        return "  ".join([*parts, f"left {left / 60:.1f} min"])


def _truncate(path: Path, start: int) -> None:
    """Keeps the complete lines of steps up to `start`: a killed run may have logged past its checkpoint."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= start:
                kept.append(line + "\n")
        except (ValueError, KeyError):
            continue
    write_text(path, "".join(kept))  # killed meanwhile, a run keeps what it had logged


def _tensorboard(folder: Path, start: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=start + 1)
