"""`speakerssl calibrate-model`: scores of a model become decisions."""

import argparse
import json

DESCRIPTION = """\
Writes calibration.json into a model folder, from the cosine scores of labelled trials: what a score means as a
log-likelihood ratio, and how often deciding at a threshold was wrong. `verify` and `identify` need it.

No speaker labels are needed where the trials are those of `speakerssl validation` (halves of recordings, one of them
through a channel that training never used); take trials of real sessions where there are some, since halves flatter.

  speakerssl extract --model exp/mini --data data/valid --output exp/mini/embeddings/valid
  speakerssl score --embeddings exp/mini/embeddings/valid/xvector.scp --trials data/valid/trials --output valid.txt
  speakerssl calibrate-model --model exp/mini --scores valid.txt --trials data/valid/trials \\
      --trained-on "halves of 400 training recordings, one side through held-out channels"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl calibrate-model`."""
    parser.add_argument("--model", required=True, metavar="EXP_DIR", help="the model folder, which gets the file")
    parser.add_argument("--scores", required=True, metavar="FILE", help="cosines: `enrol test score [label]` lines")
    parser.add_argument("--trials", metavar="FILE", help="labelled trial list (default: the labels of the score file)")
    parser.add_argument(
        "--trained-on", required=True, metavar="TEXT", help="which recordings these are, in words; decisions repeat it"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Fits, writes, says what the decisions would have been worth on the list itself."""
    from pathlib import Path

    from speakerssl.embeddings.card import write_card
    from speakerssl.embeddings.decision import save_decision
    from speakerssl.errors import InputError
    from speakerssl.gallery.calibration import fit_decision
    from speakerssl.trials.score_file import read_scored_trials

    if not (Path(args.model) / "config.yaml").is_file():
        raise InputError(f"{args.model}: is no model folder: it has no config.yaml")
    scored = read_scored_trials(args.scores, args.trials)
    decision = fit_decision(scored.scores, scored.trials.require_labels(), args.trained_on, args.scores)
    path = save_decision(args.model, decision)
    write_card(args.model)
    points = {str(prior): decision.verify(0.0, prior) for prior in (0.5, 0.05, 0.01)}
    if args.json:
        rates = {prior: {"threshold": p.threshold, "p_miss": p.p_miss, "p_fa": p.p_fa} for prior, p in points.items()}
        print(json.dumps({"calibration": str(path), "trials": len(scored), "by_p_target": rates}, indent=1))
        return 0
    print(f"{path}: calibrated on {len(scored)} trials ({args.trained_on})")
    for prior, point in points.items():
        print(
            f"  p_target {prior}: same from {point.threshold:.4f} on; p_miss {point.p_miss:.2%}, p_fa {point.p_fa:.2%}"
        )
    return 0
