#!/usr/bin/env python3
"""The table and plot of pseudo-label iterations so far; ends with status 3 when validation no longer improves.

An iteration is better than the best before it when its EER on the validation trials is lower and, with --across, that
on the second list too: the clusters that it learned make the first list easier than strangers will be.
"""

import argparse
import json
import sys
from pathlib import Path

from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.io import atomic_path, write_text
from speakerssl.metrics.detection import compute_eer
from speakerssl.trials.score_file import read_scored_trials

STOP = 3
VALID = ("valid EER %", "across EER %")
COLUMNS = ("iteration", *VALID, "clusters", "NMI", "purity")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exp", type=Path, required=True, help="folder with iteration-0, iteration-1, ...")
    parser.add_argument("--trials", type=Path, required=True, help="the validation trials, made without labels")
    parser.add_argument("--across", type=Path, help="a second list of them, of different recordings")
    parser.add_argument("--patience", type=int, default=1, help="iterations without a new best before it stops (1)")
    return parser


def read_iterations(exp: Path, trials: Path, across: Path | None = None) -> list[dict[str, float | None]]:
    """A row for each iteration that has validation scores; what was not asked for is None."""
    rows: list[dict[str, float | None]] = []
    lists = {"valid": trials} | ({} if across is None else {"across": across})
    while True:
        folder = exp / f"iteration-{len(rows)}"
        scores = {name: folder / "scores" / f"{name}.txt" for name in lists}
        missing = [path for path in scores.values() if not path.exists()]
        if missing:
            break
        facts = json.loads((folder / "clusters.json").read_text()) if (folder / "clusters.json").exists() else {}
        eers = {f"{name} EER %": eer_of(scores[name], path) for name, path in lists.items()}
        values = {"iteration": len(rows), **eers, "NMI": facts.get("nmi"), **facts}
        rows.append({name: values.get(name) for name in COLUMNS})
    if not rows:
        raise InputError(f"{missing[0]}: does not exist; there is no iteration to report")
    return rows


def eer_of(scores: Path, trials: Path) -> float:
    """In %. Raises InputError for a file that is missing or lacks trials."""
    scored = read_scored_trials(scores, trials)
    return 100 * compute_eer(scored.scores, scored.trials.require_labels())


def best_of(rows: list[dict[str, float | None]]) -> int:
    """The last iteration whose validation EERs are all lower than those of the best before it."""
    best = 0
    for number, row in enumerate(rows):
        if all(is_lower(row[name], rows[best][name]) for name in VALID):
            best = number
    return best


def is_lower(value: float | None, other: float | None) -> bool:
    """True too where there is no second list."""
    return value is None or other is None or value < other


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
    for name, style in zip(VALID, ("o-", "o:")):
        if rows[0][name] is not None:
            axis.plot([row[name] for row in rows], style, color="tab:blue", label=name)
    axis.set(xlabel="iteration", ylabel="validation EER %", xticks=range(len(rows)))
    axis.legend(loc="upper right")
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
        rows = read_iterations(args.exp, args.trials, args.across)
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
