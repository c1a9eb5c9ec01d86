"""Models that come with the package: folders under `speakerssl/pretrained`, called by their names."""

from pathlib import Path

import speakerssl

FOLDER = Path(speakerssl.__file__).parent / "pretrained"


def pretrained_names() -> tuple[str, ...]:
    """What `load_model` knows without a path, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/model.safetensors")))


def resolve_model(model: str | Path) -> Path:
    """The folder of `model`: a path, or the name of a model that comes with the package.

    A path that exists goes first, so that a folder of one's own may have any name.
    """
    path = Path(model)
    if not path.exists() and str(model) in pretrained_names():
        return FOLDER / str(model)
    return path
