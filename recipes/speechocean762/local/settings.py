"""Prints a row's settings as options of `speakerssl train`, one word a line."""

import argparse
import json
import sys
from pathlib import Path

import yaml

ROWS = Path(__file__).resolve().parent.parent / "conf" / "rows.yaml"


def read_rows(path: Path = ROWS) -> dict[str, dict[str, dict[str, object]]]:
    """The rows by group: `rows[group][name]` maps configuration keys to values."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def paper_losses() -> list[str]:
    """The seed paper's losses: the rows of the first group, which the main recipe runs."""
    return list(next(iter(read_rows().values())))


def options(name: str, exp: str) -> list[str]:
    """`--set KEY=VALUE` for every setting of row `name`; `{exp}` in a value is the folder of the runs."""
    for group in read_rows().values():
        if name in group:
            pairs = [f"{key}={json.dumps(value)}".replace("{exp}", exp) for key, value in group[name].items()]
            return [word for pair in pairs for word in ("--set", pair)]
    known = ", ".join(row for group in read_rows().values() for row in group)
    raise SystemExit(f"settings.py: {ROWS}: no row '{name}'; the rows are: {known}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row", nargs="?", help="a row of rows.yaml; without it the names of all rows are printed")
    parser.add_argument("--exp", default="exp", help="folder of the runs")
    args = parser.parse_args()
    if args.row is None:
        words = [row for group in read_rows().values() for row in group]
    else:
        words = options(args.row, args.exp)
    print("\n".join(words))
    return 0


if __name__ == "__main__":
    sys.exit(main())
