"""`speakerssl card`: the page of a model folder."""

import argparse
import json

DESCRIPTION = """\
Writes README.md into a model folder: what the model is, its data, numbers with intervals, thresholds, licence, and what
it must not be used for. What is said once is kept in card.json; a folder with both can be put on a hub as it is.

  speakerssl card --model exp/mini --name mini --licence apache-2.0 --data "LibriSpeech train-clean-100, no labels"
  speakerssl card --model exp/mini --metric test=exp/mini/scores/test.txt=data/test/trials --utt2spk data/test/utt2spk
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl card`."""
    parser.add_argument("--model", required=True, metavar="EXP_DIR", help="the model folder, which gets the files")
    parser.add_argument("--name", help="what the model is called (default: as said before, or its folder)")
    parser.add_argument("--licence", metavar="ID", help="of the weights, as hubs write it: apache-2.0, cc-by-4.0, ...")
    parser.add_argument("--data", nargs="+", metavar="TEXT", help="what it was trained on, a sentence each")
    parser.add_argument("--note", nargs="+", metavar="TEXT", help="what else must be known, a sentence each")
    parser.add_argument(
        "--metric",
        nargs="+",
        default=[],
        metavar="NAME=SCORES[=TRIALS]",
        help="score files to measure",
    )
    parser.add_argument("--scoring", default="cosine", help="how these scores were made, in words (default: cosine)")
    parser.add_argument("--utt2spk", metavar="FILE", help="speakers of their recordings, for the intervals")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="draws of speakers (default: 1000)")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")


def run(args: argparse.Namespace) -> int:
    """Measures, adds what was said to what is known, writes."""
    from speakerssl.embeddings.card import read_facts, write_card

    said = {"name": args.name, "licence": args.licence, "data": args.data, "notes": args.note}
    facts = {key: value for key, value in said.items() if value is not None}
    measured = [_measure(item, args) for item in args.metric]
    if measured:
        new = {(row["list"], row["scoring"]) for row in measured}
        kept = [row for row in read_facts(args.model).get("metrics", []) if (row["list"], row["scoring"]) not in new]
        facts["metrics"] = kept + measured
    path = write_card(args.model, facts)
    print(json.dumps({"card": str(path), **read_facts(args.model)}, indent=1) if args.json else f"card: {path}")
    return 0


def _measure(item: str, args: argparse.Namespace) -> dict[str, object]:
    """A row of the card's table: EER and minDCF of a score file, with intervals."""
    from speakerssl.errors import InputError
    from speakerssl.metrics.score_files import summarize_file
    from speakerssl.metrics.summary import SummaryOptions

    name, _, files = item.partition("=")
    scores, _, trials = files.partition("=")
    if not name or not scores:
        raise InputError(f"--metric {item}: is not NAME=SCORES or NAME=SCORES=TRIALS")
    options = SummaryOptions(p_targets=(0.01,), bootstrap=args.bootstrap)
    found = summarize_file(scores, trials or None, options, args.utt2spk)
    row: dict[str, object] = {"list": name, "scoring": args.scoring, "p_target": 0.01}
    row |= {"targets": found["targets"], "nontargets": found["nontargets"]}
    for key in ("eer_percent", "min_dcf"):
        interval = found["intervals"][key]
        row[key] = [found[key], interval["low"], interval["high"]]
    return row
