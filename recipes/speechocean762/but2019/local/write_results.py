#!/usr/bin/env python3
"""RESULTS.md of the BUT 2019 recipe: every single system and the fusion, with intervals, and who beats whom."""

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

KINDS = ("cosine", "cosine-asnorm", "plda", "plda-asnorm")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="folder of the networks and of fusion/")
    parser.add_argument("--networks", nargs="+", required=True, help="their names")
    parser.add_argument("--lists", nargs="+", required=True, help="NAME=TRIALS of each list")
    parser.add_argument("--utt2spk", nargs="+", required=True, help="speakers of the recordings of each list")
    parser.add_argument("--bootstrap", type=int, default=1000, help="draws of speakers (1000)")
    parser.add_argument("--steps", type=int, required=True, help="training steps of a network, for the text")
    parser.add_argument("--seed", type=int, required=True, help="of the run, for the text")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    return parser


def row_of(name: str, found: dict[str, Any]) -> str:
    """A line of the table: EER and minDCF with intervals; Cllr where scores are log-likelihood ratios."""
    cells = [name]
    for key in ("eer_percent", "min_dcf"):
        interval = found["intervals"][key]
        cells.append(f"{found[key]:.3g} ({interval['low']:.3g} to {interval['high']:.3g})")
    cells.append(f"{found['cllr']:.3f}" if name.endswith(("fusion", "calibrated")) else "-")
    return f"| {' | '.join(cells)} |"


def section(args: argparse.Namespace, name: str, trials: str, utt2spk: str) -> str:
    """The table of one list, and what of the bars holds on it."""
    options = SummaryOptions(p_targets=(0.05,), bootstrap=args.bootstrap)
    systems = {f"{n} {k}": args.exp / n / "scores" / f"{name}-{k}.txt" for n in args.networks for k in KINDS}
    systems |= {key: args.exp / "fusion" / f"{name}-{key}.txt" for key in ("calibrated", "fusion")}
    found = {key: summarize_file(path, trials, options, utt2spk) for key, path in systems.items()}
    single = min((key for key in systems if key not in ("calibrated", "fusion")), key=lambda k: found[k]["eer_percent"])
    compared = compare_files(systems[single], systems["fusion"], trials, options, utt2spk)["differences"]["eer"]
    holds = "**holds**" if compared["difference"] < 0 and compared["p_value"] < 0.05 else "**does not hold**"
    lowered = [n for n in args.networks if found[f"{n} cosine-asnorm"]["min_dcf"] < found[f"{n} cosine"]["min_dcf"]]
    lines = [f"## {name}", "", "| system | EER % | minDCF (p 0.05) | Cllr |", "|---|---|---|---|"]
    lines += [row_of(key, value) for key, value in found.items()]
    lines += ["", f"- The fusion beats the best single system ({single}): {holds} (difference "
              f"{100 * compared['difference']:.2f} points of EER, p {compared['p_value']:.3g})."]  # fmt: skip
    lines.append(f"- Adaptive S-norm lowers the minDCF of cosine for: {', '.join(lowered) or 'none'}.")
    raw, calibrated = found[f"{args.networks[0]} cosine-asnorm"]["cllr"], found["calibrated"]["cllr"]
    lines.append(
        f"- Calibration takes the Cllr of {args.networks[0]} cosine-asnorm from {raw:.3f} to {calibrated:.3f}; it "
        "moves no EER and no minDCF."
    )
    return "\n".join(lines)


def head(args: argparse.Namespace) -> str:
    """What the tables are of, where and when they were made, and what they can be compared with."""
    return f"""# BUT 2019, scaled, on speechocean762

Written by `recipes/speechocean762/but2019/run.sh` on {date.today().isoformat()}, {os.cpu_count()} cores, Python
{platform.python_version()}: {args.steps} training steps a network (fine-tuning a third), seed {args.seed}.
Intervals are 95 %, from {args.bootstrap} draws of speakers. Trained **with** labels; the networks are a
fraction of the original's size, so the published 1.42 % and 1.26 % (other lists, other data) are no measure for
them. Calibration and fusion weights come from
speakers that were set aside, not from these lists; which single system is the best is read from the list itself, in
that system's favour.

Cosine and LDA + PLDA, each also with adaptive S-norm against speaker means; `calibrated` is the first network's
normalized cosine, `fusion` the normalized cosine and PLDA scores of all networks.

"""


def main() -> int:
    args = build_parser().parse_args()
    try:
        pairs = zip(args.lists, args.utt2spk, strict=True)
        parts = [section(args, *item.split("=", 1), speakers) for item, speakers in pairs]
    except SpeakerSSLError as error:
        print(f"write_results.py: {error}", file=sys.stderr)
        return error.exit_code
    write_text(args.output, head(args) + "\n\n".join(parts) + "\n")
    print(f"results: {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
