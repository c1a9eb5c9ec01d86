"""Writes RESULTS.md of the study: every row with its spread, and whether it differs from SNT-Xent beyond chance."""

import argparse
import statistics
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
from settings import BASELINES, ROWS, paper_losses
from study_runs import Row, conditions, load_runs, save_runs

from speakerssl.config_file import list_rows
from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.io import read_text, write_text
from speakerssl.metrics.comparison import p_value, seed_means
from speakerssl.report.results import EER_DEFINITION, collect, format_values, seed_folders
from speakerssl.trials.score_file import join, read_scores
from speakerssl.trials.speakers import read_utt2spk, trial_speakers
from speakerssl.trials.trial_list import read_trials

REFERENCE = "snt_xent"
PAPER = paper_losses()
CROSS = "cross-channel"
SUFFIXES = {"": "cosine", "-fused": "cosine and PLDA of clusters, both with AS-norm, fused on validation trials"}
COUNT = 1000
SAMPLED_OR_TAUGHT = ("ssps", "ssps_encoder", "multiview_ssps", "dino")  # is SSPS or DINO better than the plain loss?


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", required=True, type=Path, help="folder of the systems' folders")
    parser.add_argument("--systems", required=True, nargs="+", help="rows of conf/rows.yaml, `untrained` and `floor`")
    parser.add_argument("--trials", required=True, type=Path, help="the cross-channel list")
    parser.add_argument("--utt2spk", required=True, type=Path, help="speakers of its recordings")
    parser.add_argument("--steps", required=True, type=int, help="training steps of every run")
    parser.add_argument("--runs", required=True, type=Path, help="file of rows run before (shown too); these are added")
    parser.add_argument("--notes", type=Path, help="Markdown written by hand, which comes after the table")
    parser.add_argument("--output", required=True, help="the file to write")
    args = parser.parse_args()
    try:
        notes = "" if args.notes is None else f"\n{read_text(args.notes)}"
        shared = conditions(args.trials, args.utt2spk, args.steps)
        rows = {**load_runs(args.runs, shared), **measure(args.exp, args.systems, args.trials, args.utt2spk)}
        if REFERENCE not in rows:
            raise InputError(f"{args.runs}: has no row {REFERENCE}, with which all are compared; run it too")
        save_runs(args.runs, rows, shared)
        text = render(rows, args.steps) + notes
        write_text(args.output, text)
    except SpeakerSSLError as error:
        print(f"write_study.py: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{text}\nresults: {args.output}")
    return 0


def measure(exp: Path, systems: list[str], trials: Path, utt2spk: Path) -> dict[str, Row]:
    """The systems that were scored under `exp`, as rows of today."""
    results = collect(exp, systems, {f"{CROSS}{suffix}": trials for suffix in SUFFIXES}, p_targets=(0.01,))
    drawn = {way: resample(exp, systems, way, trials, utt2spk) for way in results.lists}
    return {
        system: Row(
            date.today().isoformat(),
            {way: cell.eer_percent for way, cell in cells.items()},
            {way: drawn[way][system] for way in results.lists},
        )
        for system, cells in results.cells.items()
    }


def resample(exp: Path, rows: list[str], name: str, trials: Path, utt2spk: Path) -> dict[str, np.ndarray]:
    """EER [COUNT] of every row, the mean over its seeds, in draws of speakers that are the same for all rows."""
    listed = read_trials(trials)
    systems = {
        row: [join(read_scores(folder / "scores" / f"{name}.txt"), listed).scores for folder in seed_folders(exp, row)]
        for row in rows
    }
    speakers = trial_speakers(listed, read_utt2spk(utt2spk))
    return seed_means(systems, listed.require_labels(), speakers, count=COUNT)


def render(rows: Mapping[str, Row], steps: int) -> str:
    ways = "; ".join(f"`{CROSS}{suffix}`: {what}" for suffix, what in SUFFIXES.items())
    return f"""# The self-supervised family on speechocean762

Written by `recipes/speechocean762/ssl_study/run.sh` on {date.today().isoformat()}; {steps} steps a run, the same data
and encoder for all rows (settings, and how they were chosen: `conf/rows.yaml`). Equal error rates in percent,
mean ± sample standard deviation over the seeds. {ways}.
`floor`: mean and standard deviation of 30 MFCCs; `untrained`: the encoder at its random start.
p: paired bootstrap over speakers ({COUNT} draws, the seeds' mean) of no difference from `{REFERENCE}`, not corrected
for the number of rows.

{table(rows)}
{EER_DEFINITION}.

{verdict(rows)}"""


def table(rows: Mapping[str, Row]) -> str:
    ways = [f"{CROSS}{suffix}" for suffix in SUFFIXES]
    lines = ["| row | run on | seeds | " + " | ".join(f"{way} EER % | p" for way in ways) + " |"]
    lines.append("| --- " * (3 + 2 * len(ways)) + "|")
    for group, members in {**list_rows(ROWS), "Nothing trained": list(BASELINES)}.items():
        shown = [row for row in members if row in rows]
        if shown:
            lines.append(f"| **{group}** " + "| " * (2 + 2 * len(ways)) + "|")
        for row in shown:
            cells = [row, rows[row].date, str(len(rows[row].eer_percent[CROSS]))]
            for way in ways:
                p = "" if row == REFERENCE else f"{against(rows, way, row, REFERENCE)[1]:.3f}"
                cells += [format_values(rows[row].eer_percent[way], 2), p]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def against(rows: Mapping[str, Row], way: str, row: str, other: str) -> tuple[float, float]:
    """Mean difference of EER in points (negative: `row` is better) and its two-sided p-value."""
    deltas = 100 * (rows[row].draws[way] - rows[other].draws[way])
    return float(deltas.mean()), p_value(deltas)


def verdict(rows: Mapping[str, Row]) -> str:
    """The seed paper's claims, and the comparisons that the study is for, in words."""
    lines = []
    for way in (f"{CROSS}{suffix}" for suffix in SUFFIXES):
        means = {name: statistics.fmean(row.eer_percent[way]) for name, row in rows.items() if name not in BASELINES}
        best, paper = min(means, key=means.__getitem__), min(means.keys() & PAPER, key=means.__getitem__)
        claims = [
            ("both views' negatives beat one direction", "snt_xent", "nt_xent"),
            ("an additive margin beats none", "snt_xent_am", "snt_xent"),
            ("an angular margin beats none", "snt_xent_aam", "snt_xent"),
            ("the best row beats the best of the paper's losses", best, paper),
            *((f"{row} beats SNT-Xent-AM", row, "snt_xent_am") for row in SAMPLED_OR_TAUGHT),
            ("sampled positives beat none in multi-view", "multiview_ssps", "multiview"),
        ]
        if best == paper:
            lines.append(f"- {way}: no row has a lower error rate than {paper}, the best of the paper's losses.\n")
        for words, row, other in claims:
            if row != other and {row, other} <= means.keys():
                lines.append(f"- {way}: {words}: {judged(*against(rows, way, row, other), row, other)}\n")
    return "".join(lines)


def judged(difference: float, p: float, row: str, other: str) -> str:
    word = "not told apart" if p >= 0.05 else "holds" if difference < 0 else "the contrary holds"
    return f"**{word}** ({row} - {other}: {difference:+.2f} points, p = {p:.3f})."


if __name__ == "__main__":
    sys.exit(main())
