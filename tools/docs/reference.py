"""A page a room with its public names; mkdocstrings fills in signatures and docstrings."""

import ast
from pathlib import Path

import speakerssl

PACKAGE = Path(speakerssl.__file__).parent
ROOMS = (
    "trials",
    "scoring",
    "metrics",
    "report",
    "data",
    "features",
    "augment",
    "corruption",
    "encoders",
    "losses",
    "methods",
    "clustering",
    "training",
    "embeddings",
    "gallery",
)


def exports(room: str = "") -> dict[str, str]:
    """The public names of a room (of the package itself: '') and the modules that define them, from its `__init__`."""
    path = PACKAGE / room / "__init__.py"
    names: dict[str, str] = {}
    public: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("speakerssl."):
            names |= {alias.asname or alias.name: str(node.module) for alias in node.names}
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            public = ast.literal_eval(node.value)
    here = ".".join(filter(None, ("speakerssl", room)))
    return {name: names.get(name, here) for name in public}


def room_pages() -> dict[str, str]:
    """Markdown by room, of those that exist and export something."""
    return {room: room_page(room) for room in ROOMS if (PACKAGE / room / "__init__.py").exists() and exports(room)}


def room_page(room: str) -> str:
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text())
    parts = [f"# `speakerssl.{room}`", ast.get_docstring(tree) or ""]
    for name, module in exports(room).items():
        parts.append(f"::: {module}.{name}")
    return "\n\n".join(part for part in parts if part) + "\n"
