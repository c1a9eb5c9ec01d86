"""Training that begins where another run ended: large-margin fine-tuning, pseudo-label iterations."""

from pathlib import Path

import torch

from speakerssl.embeddings.model_dir import WEIGHTS, load_weights
from speakerssl.errors import InputError
from speakerssl.methods import Method
from speakerssl.training.checkpoint import list_checkpoints, read_checkpoint


def load_initial(method: Method, path: str | Path) -> list[str]:
    """Puts the encoder of the model directory `path` into `method`, and its head where both have the same classes.

    Returns what was taken: 'encoder', and 'head'. Optimizer, step and schedules begin anew. Raises InputError where
    there is no model, or one of another encoder.
    """
    folder = Path(path)
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"training.init_from: {folder / WEIGHTS} does not exist; name what `speakerssl train` wrote")
    load_weights(method.encoder, folder / WEIGHTS)
    return ["encoder", *_load_head(method, folder)]


def _load_head(method: Method, folder: Path) -> list[str]:
    """['head'] where the last checkpoint of `folder` has a head for the very classes of `method`."""
    checkpoints = list_checkpoints(folder / "checkpoints")
    mine = getattr(method, "class_digest", None)
    if not checkpoints or mine is None:
        return []
    state = read_checkpoint(checkpoints[-1])["method"]
    theirs = state.get("class_digest")
    if theirs is None or not torch.equal(theirs, mine):
        return []
    head = {key.removeprefix("head."): value for key, value in state.items() if key.startswith("head.")}
    current = method.head.state_dict()  # type: ignore[union-attr]
    # Another margin has other statistics; the centres are what is wanted.
    same = {key: value for key, value in head.items() if key in current and current[key].shape == value.shape}
    method.head.load_state_dict({**current, **same})  # type: ignore[union-attr]
    return ["head"]
