"""A page a method and a page for every choice in the loss: formula, figure, configuration, options, paper.

What the pages say comes from the registries, signatures and docstrings; `docs/formulas.yaml` adds the formula.
"""

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import figures
import yaml

from speakerssl.losses.build import MARGINS, NEGATIVES
from speakerssl.losses.classifiers import CLASSIFIERS
from speakerssl.losses.multi_head import MultiHeadLoss
from speakerssl.losses.regularizers import REGULARIZERS
from speakerssl.losses.symmetry import SYMMETRIES
from speakerssl.losses.weighting import WEIGHTINGS
from speakerssl.methods.base import METHODS

FORMULAS = Path(__file__).resolve().parents[2] / "docs" / "formulas.yaml"
HEADS = {"multi_head": MultiHeadLoss}
CHOICES: dict[str, Mapping[str, Any]] = {
    "symmetries": dict.fromkeys(SYMMETRIES),
    "margins": MARGINS,
    "negatives": NEGATIVES,
    "weightings": WEIGHTINGS,
    "regularizers": REGULARIZERS,
    "classifiers": {word: head for word, (head, _) in CLASSIFIERS.items()},
    "heads": HEADS,
}
ARXIV = re.compile(r"(?<![\d./])(\d{4}\.\d{4,5})(?![\d])")


def read_formulas() -> dict[str, dict[str, dict[str, Any]]]:
    """docs/formulas.yaml: kind, name, entry."""
    return dict(yaml.safe_load(FORMULAS.read_text()))


def catalogue_pages() -> dict[str, str | bytes]:
    """Pages and figures by their path in the documentation; a list of each kind's pages is on its index page."""
    formulas = read_formulas()
    pages: dict[str, str | bytes] = {}
    for kind, registry in CHOICES.items():
        for name, choice in registry.items():
            entry = formulas[kind][name]
            config: dict[str, Any] = {"loss": loss_config(kind, name, choice)}
            if kind == "classifiers":
                config = {"method": {"name": "supervised", "labels": "utt2spk"}, **config}
            text = entry.get("text") or inspect.getdoc(choice) or ""
            pages[f"losses/{kind}/{name}.md"] = page(name, entry, text, config, options_of(choice))
            pages[f"losses/{kind}/{name}.svg"] = figures.loss_figure(kind, name, choice, config["loss"])
    for name in METHODS:
        entry = formulas["methods"][name]
        text = inspect.getdoc(sys.modules[METHODS[name].__module__]) or ""
        pages[f"methods/{name}.md"] = page(name, entry, text, entry["config"], method_options(METHODS[name]))
        pages[f"methods/{name}.svg"] = figures.method_figure(entry["one"], entry["two"], entry["loss"])
    return pages


def page(name: str, entry: Mapping[str, Any], text: str, config: Mapping[str, Any], options: str) -> str:
    papers = dict.fromkeys([*ARXIV.findall(text), *entry.get("paper", [])])
    links = ", ".join(f"[arXiv {paper}](https://arxiv.org/abs/{paper})" for paper in papers)
    return "\n\n".join(
        [
            f"# {entry['title']}",
            f"`{name}`",
            f"$$\n{entry['formula']}\n$$",
            f"![{entry['title']}]({name}.svg)",
            docstring_markdown(text),
            "## Configuration",
            f"```yaml\n{yaml.safe_dump(dict(config), sort_keys=False).strip()}\n```",
            options,
            "## Papers",
            links or "None: this was derived for speakerssl, and is not from the literature.",
        ]
    )


def loss_config(kind: str, name: str, choice: Any) -> dict[str, Any]:
    """The `loss` section that takes this choice, with every option at its default."""
    described = {"name": name, **{key: default for key, default in defaults_of(choice).items() if default is not None}}
    if kind == "symmetries":
        return {"symmetry": name}
    if kind == "classifiers":
        return {"name": name, **CLASSIFIERS[name][1]}
    if kind == "heads":
        return {"name": name, name: {"dim": 256, **defaults_of(choice)}}
    key = {"margins": "margin", "regularizers": "regularizers"}.get(kind, "negatives")
    return {key: [described] if key == "regularizers" else described}


def defaults_of(choice: Any) -> dict[str, Any]:
    """The options of a class and their defaults; {} where there is no class."""
    if choice is None:
        return {}
    parameters = inspect.signature(choice).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def options_of(choice: Any) -> str:
    rows = [f"| `{key}` | `{value}` |" for key, value in defaults_of(choice).items()]
    return "\n".join(["| option | default |", "|---|---|", *rows]) if rows else "It has no options."


def method_options(builder: Callable[..., Any]) -> str:
    """The options as the builder's docstring lists them; every method also has those of the index page."""
    own = inspect.getdoc(builder) or "Options: projector {hidden_dim, out_dim}."
    return f"{own} Also [what every method takes](index.md)."


def docstring_markdown(text: str) -> str:
    """Paragraphs as they are; lines with columns or indentation as code."""
    parts = []
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        columns = [line for line in lines if line.startswith("    ") or re.search(r"\S {2,}\S", line)]
        parts.append(f"```text\n{paragraph}\n```" if len(columns) == len(lines) or len(columns) > 1 else paragraph)
    return "\n\n".join(parts)
