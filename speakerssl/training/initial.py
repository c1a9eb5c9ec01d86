"""Training that begins where another run ended: large-margin fine-tuning, pseudo-label iterations."""

from pathlib import Path

import torch

from speakerssl.embeddings.model_dir import CONFIG, WEIGHTS, load_weights, read_model_dir
from speakerssl.encoders import Encoder, ResNet
from speakerssl.encoders.growing import load_grown
from speakerssl.errors import InputError
from speakerssl.methods import Method, Supervised
from speakerssl.options import in_file
from speakerssl.training.checkpoint import list_checkpoints, read_checkpoint


def load_initial(method: Method, path: str | Path) -> list[str]:
    """Puts the encoder of the model directory `path` into `method`, and its head where that knows all of its classes.

    A ResNet may begin with a smaller one (`grown_state`). Returns what was taken: 'encoder', and
    'head'. Optimizer, step and schedules begin anew. Raises InputError where there is no model, or one of another
    encoder.
    """
    folder = Path(path)
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"training.init_from: {folder / WEIGHTS} does not exist; name what `speakerssl train` wrote")
    _load_encoder(method.encoder, folder)
    return ["encoder", *_load_head(method, folder)]


def _load_encoder(encoder: Encoder, folder: Path) -> None:
    """The weights of `folder`, grown where they are those of a smaller network of the same kind."""
    if isinstance(encoder, ResNet) and (folder / CONFIG).is_file():
        _, _, small = read_model_dir(folder)
        if isinstance(small, ResNet):  # an equally large one stays as it is
            with in_file(str(folder)):
                load_grown(encoder, small.state_dict())
            return
    load_weights(encoder, folder / WEIGHTS)


def _load_head(method: Method, folder: Path) -> list[str]:
    """['head'] where the last checkpoint of `folder` has a head that knows every class of `method`."""
    checkpoints = list_checkpoints(folder / "checkpoints")
    if not checkpoints or not isinstance(method, Supervised):
        return []
    state = read_checkpoint(checkpoints[-1])["method"]
    theirs = {key: row for row, key in enumerate(state.get("class_keys", torch.zeros(0)).tolist())}
    rows = [theirs.get(key, -1) for key in method.class_keys.tolist()]
    if min(rows) < 0:
        return []
    head, mine = {}, method.head.state_dict()
    own = rows[method.head.classes.span]  # the others are those of other processes
    for name, value in mine.items():
        found = state.get(f"head.{name}")
        if found is None:  # another margin has other statistics; the centres are what is wanted
            head[name] = value
        elif found.dim() and len(found) % len(theirs) == 0:  # one row a class, or one a sub-centre
            head[name] = found.view(len(theirs), -1, *found.shape[1:])[own].flatten(0, 1)
        else:
            head[name] = found
    if any(head[name].shape != value.shape for name, value in mine.items()):
        return []
    method.head.load_state_dict(head)
    return ["head"]
