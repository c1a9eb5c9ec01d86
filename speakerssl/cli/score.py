"""`speakerssl score`: cosine scores of trial lists."""

import argparse
import json
from typing import Any

from speakerssl.cli.metric_options import add_cost_arguments, summary_options

DESCRIPTION = """\
Scores trial lists by cosine and writes `enrol test score` lines. Lists, plain or gzip, are detected: `1 enrol test`
(VoxCeleb), `enrol test target|nontarget` (Kaldi), `enrol test 0|1`, `enrol test`. Several lists share one read of the
embeddings.

  speakerssl score --embeddings exp/emb/xvector.scp --trials veri_test2.txt --output exp/scores.txt --metrics
  speakerssl score --embeddings exp/emb/xvector.scp --trials list_O.txt list_E.txt list_H.txt --output exp/scores/
  speakerssl score --embeddings test.scp --enrol-embeddings enrol.scp --enrol-models spk2utt --trials trials \\
      --output scores
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--embeddings", required=True, metavar="XVECTOR_SCP", help=".scp, .ark, .npz or .npy")
    parser.add_argument("--trials", required=True, nargs="+", metavar="LIST", help="trial lists")
    parser.add_argument(
        "--output", required=True, nargs="+", metavar="FILE",
        help="score file (.gz compresses); with several lists one file each, or one directory for <list>.scores",
    )  # fmt: skip
    parser.add_argument(
        "--enrol-embeddings", metavar="SCP", help="embeddings of the enrolment side (default: --embeddings)"
    )
    parser.add_argument(
        "--enrol-models", metavar="SPK2UTT", help="enrolment ids are models of several recordings: Kaldi's spk2utt"
    )
    parser.add_argument(
        "--average", choices=["embeddings", "scores"], default="embeddings",
        help="how a model's recordings are combined: mean of unit embeddings, or mean of scores (default: embeddings)",
    )  # fmt: skip
    parser.add_argument("--mean-vector", metavar="FILE", help="subtract this vector first: .npy or Kaldi's mean.vec")
    parser.add_argument(
        "--skip-missing", action="store_true", help="leave out trials without embeddings and list them in FILE.skipped"
    )
    parser.add_argument("--metrics", action="store_true", help="print EER, minDCF, Cllr and more of labelled lists")
    add_cost_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.scoring.lists import ScoringJob, output_paths, score_lists

    options = summary_options(args)
    job = ScoringJob(
        args.embeddings, args.trials, output_paths(args.trials, args.output), args.enrol_embeddings,
        args.enrol_models, args.average, args.mean_vector, args.skip_missing,
    )  # fmt: skip
    results: list[dict[str, Any]] = []
    for done in score_lists(job):
        result: dict[str, Any] = {
            "trials_file": done.trials.path,
            "scores_file": done.output,
            "scored": len(done.trials),
            "skipped": done.skipped,
            "skipped_file": done.skipped_file,
            "num_utts_file": done.num_utts_file,
        }
        if args.metrics:
            result["metrics"] = None
        if args.metrics and done.trials.labels is not None:
            from speakerssl.metrics.summary import summarize

            result["metrics"] = summarize(done.scores, done.trials.require_labels(), options, done.trials)
        results.append(result)
    if args.json:
        print(json.dumps(results[0] if len(results) == 1 else results, indent=1))
    else:
        _print(results)
    return 0


def _print(results: list[dict[str, Any]]) -> None:
    for result in results:
        print(f"{result['scores_file']}: {result['scored']} scores of {result['trials_file']}")
        if result["skipped_file"]:
            print(f"{result['skipped_file']}: {result['skipped']} trials skipped for want of an embedding")
        if result["num_utts_file"]:
            print(f"{result['num_utts_file']}: recordings of each enrolment model")
        if "metrics" in result and result["metrics"] is None:
            print(f"{result['trials_file']}: has no labels, so there are no metrics of it")
        elif "metrics" in result:
            from speakerssl.metrics.display import print_summary

            print_summary(result["metrics"], result["trials_file"])
