"""Configuration files that build on each other: `base:` names another file, `rows:` are variants of the same file.

    base: ../base.yaml                     what stands here is put on top of that file, section by section
    loss: {margin: {name: additive}}       a mapping is merged key by key, any other value replaces the base's
    method: {replace: true, name: dino}    `replace: true` takes nothing of the base's mapping

    rows:                                  variants by group; `speakerssl train --row NAME` trains one of them
      Margins:
        small: {loss.margin: {name: additive, value: 0.1}}

The values of a row stand for `--set` options: a key is a path with dots, its value replaces what was there.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from speakerssl.errors import InputError

BASE, ROWS, REPLACE = "base", "rows", "replace"
DEPTH = 8  # files that may build on each other
LARGEST = 4 << 20  # bytes of a file
_MOST_VALUES = 100_000  # that a file may stand for: aliases of aliases multiply without end


def read_tree(path: str | Path, overrides: Sequence[str] = (), row: str | None = None) -> dict[str, Any]:
    """The sections that `path` describes: its bases, itself, a row, overrides, each on top of those before it.

    Raises:
        InputError: a file that cannot be read, a circle of bases, an unknown row (it lists the rows), a bad override.
    """
    tree = _with_base(Path(path), DEPTH)
    rows = tree.pop(ROWS, None)
    if row is not None:
        for key, value in _row(path, rows or {}, row).items():
            set_key(tree, key, copy.deepcopy(value), f"{path}: row '{row}'")
    for override in overrides:
        apply_override(tree, override)
    return tree


def list_rows(path: str | Path) -> dict[str, list[str]]:
    """The names of the rows of a file (or of what it builds on) by group, in order; {} where it has none."""
    groups = _with_base(Path(path), DEPTH).get(ROWS) or {}
    return {group: list(names) for group, names in _groups(path, groups)}


def check_rows(path: str | Path, names: Sequence[str]) -> None:
    """Raises InputError, which lists the rows of a file, where one of `names` is none of them."""
    rows = _with_base(Path(path), DEPTH).get(ROWS) or {}
    for name in names:
        _row(path, rows, name)


def _row(path: str | Path, rows: Any, name: str) -> Mapping[str, Any]:
    found = {row: settings for _, group in _groups(path, rows) for row, settings in group.items()}
    if name not in found:
        raise InputError(f"{path}: no row '{name}'; the rows are: {', '.join(found) or 'none'}")
    return found[name] or {}


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises InputError with the file and line of a syntax error."""
    try:
        if Path(path).stat().st_size > LARGEST:
            raise InputError(f"{path}: is larger than {LARGEST >> 20} MB: is this a configuration?")
        tree = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = str(getattr(error, "problem", None) or error).splitlines()[0][:120]
        raise InputError(f"{where}: not valid YAML: {problem}") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path}: expected a mapping of sections, found {type(tree).__name__}")
    if _count_values(tree, _MOST_VALUES) > _MOST_VALUES:
        raise InputError(f"{path}: stands for over {_MOST_VALUES} values, by aliases of aliases: refused")
    return tree


def _count_values(value: Any, most: int) -> int:
    """How many values `value` holds, aliases written out; counting ends beyond `most`."""
    count, waiting = 0, [value]
    while waiting and count <= most:
        one = waiting.pop()
        count += 1
        if isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return count


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Sets one `a.b.c=value` in a nested mapping. Raises InputError."""
    dotted, separator, text = override.partition("=")
    if not separator or not dotted:
        raise InputError(f"--set {override}: expected section.key=value")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InputError(f"--set {override}: the value is not valid YAML") from None
    set_key(tree, dotted, value, f"--set {override}")


def set_key(tree: dict[str, Any], dotted: str, value: Any, where: str) -> None:
    """Sets the key at a path with dots. Raises InputError where a value stands in the way of a section."""
    *parents, last = dotted.split(".")
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise InputError(f"{where}: '{key}' holds a value, not a section")
        tree = child
    tree[last] = value


def merge(base: Any, top: Any) -> Any:
    """`top` on `base`: mappings key by key, unless `top` says `replace: true`; any other value replaces."""
    if not isinstance(base, Mapping) or not isinstance(top, Mapping) or top.get(REPLACE) is True:
        return {key: value for key, value in top.items() if key != REPLACE} if isinstance(top, Mapping) else top
    return {**base, **{key: merge(base.get(key), value) for key, value in top.items()}}


def _with_base(path: Path, depth: int) -> dict[str, Any]:
    tree = read_yaml(path)
    below = tree.pop(BASE, None)
    if below is None:
        return tree
    if not isinstance(below, str):
        raise InputError(f"{path}: base: expected the path of a configuration, found {below!r}")
    if depth == 0:
        raise InputError(f"{path}: base: more than {DEPTH} files build on each other; is there a circle?")
    merged = merge(_with_base(path.parent / below, depth - 1), tree)
    assert isinstance(merged, dict)
    return merged


def _groups(path: str | Path, rows: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(rows, Mapping) or not all(isinstance(group, Mapping) for group in rows.values()):
        raise InputError(f"{path}: rows: expected groups of rows, found {rows!r}")
    yield from rows.items()
