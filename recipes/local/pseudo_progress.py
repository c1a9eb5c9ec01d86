#!/usr/bin/env python3
"""The table and plot of pseudo-label iterations so far; ends with status 3 when validation no longer improves."""

import argparse
import json
import sys
from pathlib import Path

from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.io import atomic_path, write_text
from speakerssl.metrics.detection import compute_eer
from speakerssl.trials.score_file import read_scored_trials

STOP = 3
COLUMNS = ("iteration", "valid EER %", "clusters", "NMI", "purity")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="folder with iteration-0, iteration-1, ...")
    parser.add_argument("--trials", type=Path, required=True, help="the validation trials, made without labels")
    parser.add_argument("--patience", type=int, default=1, help="iterations without a new best before it stops (1)")
    return parser


def read_iterations(exp: Path, trials: Path) -> list[dict[str, float | None]]:
    """A row for each iteration that has validation scores; NMI and purity are None where no labels were asked for."""
    rows: list[dict[str, float | None]] = []
    while (exp / f"iteration-{len(rows)}" / "scores" / "valid.txt").exists():
        folder = exp / f"iteration-{len(rows)}"
        scored = read_scored_trials(folder / "scores" / "valid.txt", trials)
        facts = json.loads((folder / "clusters.json").read_text()) if (folder / "clusters.json").exists() else {}
        eer = 100 * compute_eer(scored.scores, scored.trials.require_labels())
        rows.append(dict(zip(COLUMNS, (len(rows), eer, facts.get("clusters"), facts.get("nmi"), facts.get("purity")))))
    if not rows:
        raise InputError(f"{exp}/iteration-0/scores/valid.txt: does not exist; there is no iteration to report")
    return rows


def best_of(rows: list[dict[str, float | None]]) -> int:
    """The iteration with the lowest validation EER, the first of equals."""
    return min(range(len(rows)), key=lambda number: rows[number]["valid EER %"] or 0.0)


def table_of(rows: list[dict[str, float | None]]) -> str:
    """A Markdown table."""
    cells = [["-" if row[name] is None else f"{row[name]:.4g}" for name in COLUMNS] for row in rows]
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in cells)]) + "\n"


def draw(rows: list[dict[str, float | None]], path: Path) -> None:
    """Validation EER by iteration and, where labels were asked for, NMI and purity of its clusters."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    axis.plot([row["valid EER %"] for row in rows], "o-", color="tab:blue")
    axis.set(xlabel="iteration", ylabel="validation EER %", xticks=range(len(rows)))
    if any(row["NMI"] is not None for row in rows):
        other = axis.twinx()
        for name, color in (("NMI", "tab:orange"), ("purity", "tab:green")):
            points = [(number, row[name]) for number, row in enumerate(rows) if row[name] is not None]
            other.plot(*zip(*points), "s--", color=color, label=name)
        other.set(ylim=(0, 1))
        other.legend(loc="lower right")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
    pyplot.close(figure)


def main() -> int:
    args = build_parser().parse_args()
    try:
        rows = read_iterations(args.exp, args.trials)
    except SpeakerSSLError as error:
        print(f"pseudo_progress.py: {error}", file=sys.stderr)
        return error.exit_code
    best = best_of(rows)
    write_text(args.exp / "iterations.md", table_of(rows))
    write_text(args.exp / "best", f"iteration-{best}\n")
    draw(rows, args.exp / "iterations.png")
    print(f"{table_of(rows)}best: iteration-{best} ({args.exp}/iterations.md, iterations.png)", flush=True)
    return STOP if len(rows) - 1 - best >= args.patience else 0


if __name__ == "__main__":
    sys.exit(main())
