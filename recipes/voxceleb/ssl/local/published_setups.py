"""Writes docs/published_setups.md (every preset against its reference) and recipes/voxceleb/RESULTS.md from conf/."""

import argparse
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from speakerssl.config import load_config, to_mapping
from speakerssl.config_file import list_rows
from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.io import write_text

RECIPE = Path(__file__).resolve().parents[1]
ROOT = RECIPE.parents[2]
SETUPS, RESULTS = ROOT / "docs" / "published_setups.md", RECIPE.parent / "RESULTS.md"
MISSING = object()


@cache
def reference() -> dict[str, Any]:
    """local/reference.yaml: what the references set, by file and row."""
    loaded: dict[str, Any] = yaml.safe_load((RECIPE / "local" / "reference.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def presets() -> list[tuple[str, str | None, dict[str, Any]]]:
    """(file, row or None, the whole configuration) of everything that is published."""
    return [(file, row, to_mapping(load_config(RECIPE / "conf" / file, row=row))) for file, row in names()]


def names() -> list[tuple[str, str | None]]:
    """(file, row or None) of everything that is published."""
    found: list[tuple[str, str | None]] = []
    for file in reference():
        rows: list[str | None] = [row for group in list_rows(RECIPE / "conf" / file).values() for row in group]
        found += [(file, row) for row in rows or [None]]
    return found


def look_up(tree: Mapping[str, Any], dotted: str) -> Any:
    """The value at a path with dots; None where there is none."""
    for key in dotted.split("."):
        tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
    return None if tree == {} and dotted != "augment" else tree


def compare(entry: Any, ours: Any) -> tuple[str, str, str]:
    """(reference value, our value, equal?). Raises ValueError where they differ and nobody says why."""
    if isinstance(entry, Mapping) and "differs" in entry:
        return show(entry["printed"]), show(entry.get("ours", ours)), f"no: {entry['differs']}"
    printed, wanted, why = entry, entry, ""
    if isinstance(entry, Mapping) and "printed" in entry:
        printed, wanted, why = entry["printed"], entry["ours"], f" ({entry['why']})"
    if ours != wanted:
        raise ValueError(f"the reference has {printed!r}, so {wanted!r} is due, and the configuration has {ours!r}")
    return show(printed), show(ours), f"yes{why}"


def show(value: Any) -> str:
    return "none" if value is None else str(value).replace("|", "\\|").replace("True", "true").replace("False", "false")


def setups() -> str:
    """The page of every preset against its reference."""
    lines = [
        "# Published set-ups",
        "",
        "Every preset of `recipes/voxceleb/ssl/conf` against the reference that it follows. Written by",
        "`recipes/voxceleb/ssl/local/published_setups.py` from the configurations and `local/reference.yaml`.",
        "`speakerssl train --config CONF --row ROW --dry-run` prints the steps, learning rates and negatives.",
    ]
    known, seen = reference(), ""
    for file, row, config in presets():
        section = known[file]
        if file != seen:
            seen = file
            lines += ["", f"## {file}", "", f"Reference: {section['source']}."]
        own = (section.get("rows") or {}).get(row, {}) if row else {}
        lines += ["", f"### {row or file.removesuffix('.yaml')}", "", "| setting | reference | ours | equal? |"]
        lines.append("| --- | --- | --- | --- |")
        changed = {key for key in section["all"] if key not in own and row and row_changes(file, row, key)}
        for key, entry in {**{k: v for k, v in section["all"].items() if k not in changed}, **own}.items():
            try:
                cells = compare(entry, look_up(config, key))
            except ValueError as error:
                raise InputError(f"{file}: {row}: {key}: {error}") from None
            lines.append(f"| `{key}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def row_changes(file: str, row: str, key: str) -> bool:
    """Whether a row sets `key`, or a section around it, itself: what holds for all rows does not hold there."""
    settings = next(group[row] for group in row_settings(file).values() if row in group)
    return any(key == own or key.startswith(f"{own}.") or own.startswith(f"{key}.") for own in settings)


@cache
def row_settings(file: str) -> dict[str, Any]:
    """The rows of a file as they are written, by group."""
    rows: dict[str, Any] = yaml.safe_load((RECIPE / "conf" / file).read_text(encoding="utf-8"))["rows"]
    return rows


def results(before: str = "") -> str:
    """The page of published figures, with what stood in the columns for ours in `before`."""
    ours = {}
    for line in before.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 6:
            ours[cells[0], cells[1]] = cells[4], cells[5]
    lines = [
        "# VoxCeleb1-O: published figures and ours",
        "",
        "EER in percent and minDCF (p = 0.01, or 0.05 where it says so) as published. The columns for ours are empty:",
        "they are for whoever has the corpus, and stay when `ssl/local/published_setups.py` writes the page again. A",
        "cell without a figure: none was at hand.",
        "",
        "| configuration | row | EER % | minDCF | our EER % | our minDCF |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for file, row, config in presets():
        said = config["published"]
        name, row_cell = f"`{file}`", f"`{row}`" if row else ""
        eer = f"{said['eer_percent']:.2f}" if "eer_percent" in said else said.get("note", "")
        dcf = f"{said['min_dcf']:.4f}" if "min_dcf" in said else ""
        dcf += " (p = 0.05)" if said.get("p_target") == 0.05 else ""
        first, second = ours.get((name, row_cell), ("", ""))
        lines.append(f"| {name} | {row_cell} | {eer} | {dcf} | {first} | {second} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    try:
        write_text(SETUPS, setups())
        write_text(RESULTS, results(RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""))
    except SpeakerSSLError as error:
        print(f"published_setups.py: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{SETUPS}\n{RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
