"""Executed notebooks as pages: text, code, and the outputs that are stored in the file."""

import base64
import re
from pathlib import Path
from typing import Any

import nbformat


def notebook_page(path: Path, images: dict[str, bytes]) -> str:
    """Markdown of a notebook; its pictures go into `images` by the name that the page gives them."""
    notebook = nbformat.read(path, as_version=4)
    parts = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.source.strip():
            parts.append(f"```python\n{cell.source}\n```")
            parts += [shown(output, f"{path.stem}-{number}", images) for output in cell.outputs]
    parts.append(f"*This page is the notebook `docs/tutorials/{path.name}`, which the test suite executes.*")
    return "\n\n".join(part for part in parts if part) + "\n"


def shown(output: Any, name: str, images: dict[str, bytes]) -> str:
    """One output of a cell: a picture, or text in a frame."""
    if output.output_type == "stream":
        return text_block(output.text)
    data = output.get("data", {})
    if "image/png" in data:
        images[f"{name}.png"] = base64.b64decode(data["image/png"])
        return f"![output of the cell above]({name}.png)"
    return text_block(data.get("text/plain", ""))


def text_block(text: str) -> str:
    """Text in a frame, without the colours of a terminal."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).rstrip()
    return f"```{{.text .output}}\n{plain}\n```" if plain else ""
