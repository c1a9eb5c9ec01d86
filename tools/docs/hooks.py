"""What MkDocs runs: pages that are made from the code itself, formulas, and the navigation that lists them.

`verbs/*`, `losses/*`, `methods/*` and `reference/*` in mkdocs.yml's `nav` stand for all pages of that folder, written
or generated.
"""

from pathlib import Path
from typing import Any

import catalogue
import figures
import mathematics
import notebooks
import reference
import rooms
import verbs
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

generated: dict[str, str | bytes] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Makes the generated pages, and puts them where the navigation has a star."""
    generated.clear()
    generated.update({f"verbs/{verb}.md": text for verb, text in verbs.verb_pages().items()})
    generated.update(catalogue.catalogue_pages())
    generated.update({f"reference/{room}.md": text for room, text in reference.room_pages().items()})
    generated["rooms.svg"] = figures.rooms_figure(rooms.room_lines())
    for path in sorted(Path(config.docs_dir, "tutorials").glob("*.ipynb")):
        images: dict[str, bytes] = {}
        generated[f"tutorials/{path.stem}.md"] = notebooks.notebook_page(path, images)
        generated.update({f"tutorials/{name}": data for name, data in images.items()})
    config.nav = expanded(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, content in generated.items():
        if name.endswith(".md") and (same := files.get_file_from_path(name.replace(".md", ".ipynb"))):
            files.remove(same)
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return mathematics.with_mathml(markdown)


def expanded(nav: Any) -> Any:
    """The navigation with `folder/*` replaced by the folder's generated pages, in their own order."""
    entries = []
    for entry in nav:
        if isinstance(entry, str) and entry.endswith("/*"):
            folder = entry.removesuffix("*")
            entries += [name for name in generated if name.startswith(folder) and name.endswith(".md")]
        elif isinstance(entry, dict):
            entries += [
                {title: expanded(inner) if isinstance(inner, list) else inner for title, inner in entry.items()}
            ]
        else:
            entries.append(entry)
    return entries
