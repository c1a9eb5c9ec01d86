#!/usr/bin/env python3
"""RESULTS.md of the open-speech recipe: the encoder beside its start, the untrained one, the floor and a yardstick."""

import argparse
import os
import platform
import sys
from datetime import date
from pathlib import Path
from typing import Any

from speakerssl.errors import SpeakerSSLError
from speakerssl.io import write_text
from speakerssl.metrics.score_files import compare_files, summarize_file
from speakerssl.metrics.summary import SummaryOptions

BARS = {"cross-channel": 13.0, "trials_H": 11.0, "trials_O": 8.5, "librispeech": 3.0}  # EER % that was aimed at
WAYS = {"": "cosine", "-centred": "cosine, the list's own mean removed (`--center auto`)"}
ROWS = {
    "ssl": "the self-supervised start",
    "untrained": "the same network at its random start",
    "floor": "mean and deviation of 30 MFCCs, no training",
    "resemblyzer": "Resemblyzer's encoder, trained **with** labels of some thousands of speakers",
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="folder of the systems")
    parser.add_argument("--systems", nargs="+", required=True, help="their names")
    parser.add_argument("--model", required=True, help="which of them is the encoder that is given away")
    parser.add_argument("--lists", nargs="+", required=True, help="NAME=TRIALS of each list, utt2spk beside it")
    parser.add_argument("--bootstrap", type=int, default=1000, help="draws of speakers (1000)")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    return parser


def section(args: argparse.Namespace, name: str, trials: Path) -> str:
    """The tables of one list, both ways of scoring, and what of the bar holds."""
    options = SummaryOptions(p_targets=(0.01, 0.05), bootstrap=args.bootstrap)
    utt2spk = str(trials.parent / "utt2spk")
    lines = [f"## {name}", ""]
    eers: list[float] = []  # of the model, either way
    for suffix, what in WAYS.items():
        lines += [f"{what[0].upper()}{what[1:]}:", "", "| system | EER % | minDCF (p 0.01) |", "|---|---|---|"]
        for system in args.systems:
            found = summarize_file(_scores(args.exp, system, name, suffix), trials, options, utt2spk)
            if system == args.model:
                eers.append(found["eer_percent"])
            lines.append(f"| {system} | {_interval(found, 'eer_percent')} | {_interval(found, 'min_dcf')} |")
        lines.append("")
    if name in BARS:
        plain, centred = eers
        state = "is reached" if plain <= BARS[name] else "is **not** reached"
        lines.append(f"- The aim of {BARS[name]:g} % by cosine {state}: {plain:.2f} % (mean removed: {centred:.2f} %).")
    start, model = (_scores(args.exp, system, name, "") for system in ("ssl", args.model))
    changed = compare_files(start, model, trials, options, utt2spk)["differences"]["eer"]
    points, chance = 100 * changed["difference"], changed["p_value"]
    lines.append(f"- Against the self-supervised start: {points:+.2f} points of EER (p {chance:.3g}).")
    return "\n".join(lines)


def _scores(exp: Path, system: str, name: str, suffix: str) -> Path:
    return exp / system / "scores" / f"{name}{suffix}.txt"


def _interval(found: dict[str, Any], key: str) -> str:
    interval = found["intervals"][key]
    return f"{found[key]:.4g} ({interval['low']:.4g} to {interval['high']:.4g})"


def main() -> int:
    args = build_parser().parse_args()
    try:
        parts = [section(args, name, Path(path)) for name, _, path in (item.partition("=") for item in args.lists)]
    except SpeakerSSLError as error:
        print(f"write_results.py: {error}", file=sys.stderr)
        return error.exit_code
    rows = "\n".join(f"- **{name}**: {what}." for name, what in ROWS.items() if name in args.systems)
    head = (
        f"# Open speech: one encoder from all unlabeled speech at hand\n\nWritten by `recipes/open_speech/run.sh` on "
        f"{date.today().isoformat()}, {os.cpu_count()} cores, Python {platform.python_version()}. 95 % intervals from "
        f"{args.bootstrap} draws of speakers. No label was read in training or in choosing; EXPERIMENTS.md says what "
        f"was tried.\n\n- **{args.model}**: the encoder that this recipe ends with.\n{rows}\n\n"
    )
    write_text(args.output, head + "\n\n".join(parts) + "\n")
    print(f"results: {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
