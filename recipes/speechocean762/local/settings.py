"""Prints a row's settings as options of `speakerssl train`, one word a line."""

import argparse
import json
import sys
from pathlib import Path

import yaml

from speakerssl.errors import InputError

BASELINES = ("untrained", "floor")  # systems that are no rows: nothing is trained
ROWS = Path(__file__).resolve().parent.parent / "conf" / "rows.yaml"


def read_rows(path: Path = ROWS) -> dict[str, dict[str, dict[str, object]]]:
    """The rows by group: `rows[group][name]` maps configuration keys to values."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def row_names(groups: int | None = None) -> list[str]:
    """The names of the rows of the first `groups` groups, by default of all, in order."""
    return [row for group in list(read_rows().values())[:groups] for row in group]


def paper_losses() -> list[str]:
    """The seed paper's losses: the rows of the first group."""
    return row_names(1)


def main_rows() -> list[str]:
    """What the main recipe runs: the rows of the first two groups, the paper's losses on two kinds of views."""
    return row_names(2)


def check_rows(names: list[str]) -> None:
    """Raises InputError, which lists the rows, where one of `names` is none of them."""
    known = row_names()
    for name in names:
        if name not in known:
            raise InputError(f"{ROWS}: no row '{name}'; the rows are: {', '.join(known)}")


def options(name: str, exp: str) -> list[str]:
    """`--set KEY=VALUE` for every setting of row `name`; `{exp}` in a value is the folder of the runs."""
    check_rows([name])
    row = next(group[name] for group in read_rows().values() if name in group)
    pairs = [f"{key}={json.dumps(value)}".replace("{exp}", exp) for key, value in row.items()]
    return [word for pair in pairs for word in ("--set", pair)]


def listed(args: argparse.Namespace) -> list[str]:
    """The words that the options ask for."""
    if args.paper:
        return paper_losses()
    if args.main:
        return main_rows()
    if args.row is None:
        return row_names()
    return options(args.row, args.exp)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row", nargs="?", help="a row of rows.yaml; without it the names of all rows are printed")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--paper", action="store_true", help="print the names of the seed paper's losses instead")
    some.add_argument("--main", action="store_true", help="print the names of the main recipe's rows instead")
    parser.add_argument("--check", nargs="+", default=[], metavar="ROW", help="fail where one of these is no row")
    parser.add_argument("--exp", default="exp", help="folder of the runs")
    args = parser.parse_args()
    try:
        check_rows(args.check)
        words = [] if args.check else listed(args)
    except InputError as error:
        print(f"settings.py: {error}", file=sys.stderr)
        return error.exit_code
    if words:
        print("\n".join(words))
    return 0


if __name__ == "__main__":
    sys.exit(main())
