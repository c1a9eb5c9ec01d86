"""Prints the names of the rows of conf/rows.yaml, one a line: what `speakerssl train --row` takes."""

import argparse
import sys
from pathlib import Path

from speakerssl.config_file import check_rows, list_rows
from speakerssl.errors import InputError

BASELINES = ("untrained", "floor")  # systems that are no rows: nothing is trained
ROWS = Path(__file__).resolve().parent.parent / "conf" / "rows.yaml"


def row_names(groups: int | None = None) -> list[str]:
    """The names of the rows of the first `groups` groups, by default of all, in order."""
    return [row for group in list(list_rows(ROWS).values())[:groups] for row in group]


def paper_losses() -> list[str]:
    """The seed paper's losses: the rows of the first group."""
    return row_names(1)


def main_rows() -> list[str]:
    """What the main recipe runs: the rows of the first two groups, the paper's losses on two kinds of views."""
    return row_names(2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--paper", action="store_true", help="only the seed paper's losses")
    some.add_argument("--main", action="store_true", help="only the main recipe's rows")
    some.add_argument("--check", nargs="+", default=[], metavar="ROW", help="print nothing; fail where one is no row")
    args = parser.parse_args()
    try:
        check_rows(ROWS, args.check)
        names = [] if args.check else paper_losses() if args.paper else main_rows() if args.main else row_names()
    except InputError as error:
        print(f"settings.py: {error}", file=sys.stderr)
        return error.exit_code
    sys.stdout.write("".join(f"{name}\n" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
