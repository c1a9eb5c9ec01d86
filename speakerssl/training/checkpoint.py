"""Checkpoints for exact resume: written whole or not at all, loaded without running code.

All randomness of training is a function of (seed, step), so a checkpoint is weights, optimizer and step;
resumed from it, a run takes the same steps bit for bit.
"""

import re
import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.io import atomic_path

State = dict[str, Tensor]


class Stateful(Protocol):
    """A module, an optimizer, or what stands for one that is shared out over processes."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> object: ...


def save_checkpoint(
    folder: Path,
    step: int,
    method: Stateful,
    optimizer: Stateful,
    run: str,
    positives: np.ndarray | None = None,
) -> Path:
    """Writes `folder/step-<step>.pt`.

    `run` identifies the configuration it belongs to; `positives` are the epoch's sampled positives.
    """
    path = folder / f"step-{step:08d}.pt"
    state = {
        "step": step,
        "run": run,
        "method": method.state_dict(),
        "optimizer": optimizer.state_dict(),
        "positives": None if positives is None else torch.from_numpy(positives),
    }
    write_state(path, state)
    return path


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Writes a state whole or not at all; equal states give equal bytes."""
    # Into an open file: torch would put the temporary name into one that it opens itself.
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        torch.save(_as_written(state), stream)


def _as_written(tree: Any) -> Any:
    """`tree` with its names interned and no tuple twice: equal states then have equal bytes, resumed ones as others.

    What is pickled also says which strings and tuples are one object, and a state that was read has other ones.
    """
    if isinstance(tree, str):
        return sys.intern(tree)
    if isinstance(tree, dict):
        copy = type(tree)((_as_written(key), _as_written(value)) for key, value in tree.items())
        if hasattr(tree, "_metadata"):  # of a module's state
            copy._metadata = _as_written(tree._metadata)  # type: ignore[attr-defined]
        return copy
    return type(tree)(map(_as_written, tree)) if type(tree) in (list, tuple) else tree


def list_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(path for path in folder.glob("step-*.pt") if re.fullmatch(r"step-\d{8}\.pt", path.name))


def load_checkpoint(
    path: Path, method: Stateful, optimizer: Stateful | None, run: str, mapped: bool = False
) -> tuple[int, np.ndarray | None]:
    """Restores `method` and `optimizer` in place; returns the step it was taken after and the sampled positives.

    `mapped` reads of the file what they copy from it and no more.

    Raises:
        InputError: the file is damaged or belongs to another configuration or model.
    """
    state = read_checkpoint(path, mapped)
    if state["run"] != run:
        raise InputError(
            f"{path}: belongs to another configuration; give this run another --output or remove that folder"
        )
    try:
        method.load_state_dict(state["method"])
        if optimizer is not None:
            optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}: a checkpoint of another model: {str(error).splitlines()[-1].strip()}") from None
    positives = state["positives"] if "positives" in state else state["partners"]  # "partners": the first release
    return int(state["step"]), None if positives is None else positives.numpy()


def keep_last(folder: Path, count: int, every: int = 1) -> None:
    """Removes all but the last `count` checkpoints.

    Those between two multiples of `every` are removed first: a run that was stopped there has gone on, and the mean
    over the last checkpoints is that of a run which was not.
    """
    paths = list_checkpoints(folder)
    between = [path for path in paths[:-1] if int(path.stem.removeprefix("step-")) % every]
    for path in [*between, *[path for path in paths if path not in between][:-count]]:
        path.unlink()


def average_checkpoints(paths: list[Path]) -> State:
    """The mean of the methods' floating-point tensors over checkpoints (float64 sums); the rest is the last's.

    So is what has another size in each, such as a queue that fills.
    """
    states: list[State] = [read_checkpoint(path)["method"] for path in paths]
    averaged = dict(states[-1])
    for key, value in averaged.items():
        if value.is_floating_point() and all(state[key].shape == value.shape for state in states):
            total = torch.stack([state[key].double() for state in states]).mean(dim=0)
            averaged[key] = total.to(value.dtype)
    return averaged


def read_checkpoint(path: Path, mapped: bool = False) -> dict[str, Any]:
    """What `save_checkpoint` wrote; `mapped` leaves its tensors in the file.

    Raises InputError where it cannot be loaded.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint") from None
    except Exception as error:
        reason = str(error).splitlines()[0][:120]
        raise InputError(f"{path}: cannot be loaded ({reason}); remove it to resume from the one before") from None
