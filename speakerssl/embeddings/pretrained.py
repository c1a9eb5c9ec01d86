"""Models that come with the package: folders under `speakerssl/pretrained`, called by their names.

Each holds its weights twice: `model.safetensors` for torch, and `model.onnx`, which starts in a fraction of the time
and runs where torch is not installed. Both give the same embeddings.
"""

from importlib.util import find_spec
from pathlib import Path

import speakerssl
from speakerssl.errors import InputError

FOLDER = Path(speakerssl.__file__).parent / "pretrained"
GRAPH = "model.onnx"


def pretrained_names() -> tuple[str, ...]:
    """What `load_model` knows without a path, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/model.safetensors")))


def resolve_model(model: str | Path) -> Path:
    """The folder or file of `model`: a path, or the name of a model that comes with the package.

    A path that exists goes first, so that a folder of one's own may have any name. Raises InputError where there is
    neither.
    """
    path = Path(model)
    if path.exists():
        return path
    if str(model) in pretrained_names():
        return FOLDER / str(model)
    known = ", ".join(pretrained_names())
    raise InputError(f"{model}: does not exist; name a model folder, an ONNX file or a model of the package: {known}")


def without_torch(path: Path, device: str, engine: str) -> Path:
    """The ONNX file of a model of the package where it does what is asked, else `path` as it is.

    That is on a CPU, with no other engine asked for. A graph in a folder of one's own is not taken: it may be older
    than the weights beside it.
    """
    graph = path / GRAPH
    on_cpu = device == "cpu" or (device == "auto" and not has_torch())
    here = path.resolve().parent == FOLDER.resolve() and graph.is_file()
    return graph if here and on_cpu and engine in ("auto", "onnx") else path


def folder_of(graph: Path) -> Path | None:
    """The folder of the package that an ONNX file belongs to, None for any other file."""
    return graph.parent if graph.resolve().parent.parent == FOLDER.resolve() else None


def has_torch() -> bool:
    """Whether torch can be imported; asking does not import it."""
    return find_spec("torch") is not None
