"""`speakerssl score`: scores of trial lists, by cosine or a back-end."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from speakerssl.cli.metric_options import add_cost_arguments, add_strip_suffix_argument, summary_options
from speakerssl.cli.scoring_options import (
    add_backend_arguments,
    add_enrolment_arguments,
    add_json_argument,
    add_skip_missing,
    backend_file,
    input_files,
    warn,
)
from speakerssl.errors import InputError

if TYPE_CHECKING:
    from speakerssl.metrics.summary import SummaryOptions
    from speakerssl.scoring.score_lists import ScoredList

DESCRIPTION = """\
Scores trial lists by cosine, or by the chain and PLDA of a back-end (natural-log likelihood ratios), and writes
`enrol test score` lines. Lists, plain or gzip, are detected: `1 enrol test` (VoxCeleb), `enrol test target|nontarget`
(Kaldi), `enrol test 0|1`, `enrol test`. Several lists share one read of the embeddings.

  speakerssl score --embeddings exp/emb/xvector.scp --trials veri_test2.txt --output exp/scores.txt --metrics
  speakerssl score --embeddings exp/emb/xvector.scp --trials list_O.txt list_E.txt list_H.txt --output exp/scores/
  speakerssl score --embeddings exp/emb/xvector.scp --trials trials --backend exp/backend.npz --output exp/plda.txt
  speakerssl score --embeddings exp/emb/xvector.scp --trials trials --center auto --output exp/centred.txt
  speakerssl score --embeddings test.scp --enrol-embeddings enrol.scp --enrol-models spk2utt --trials trials \\
      --output scores
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl score`."""
    parser.add_argument("--embeddings", required=True, metavar="XVECTOR_SCP", help=".scp, .ark, .npz or .npy")
    parser.add_argument("--trials", required=True, nargs="+", metavar="LIST", help="trial lists")
    parser.add_argument(
        "--output", required=True, nargs="+", metavar="FILE",
        help="score file (.gz compresses); with several lists one file each, or one directory for <list>.scores",
    )  # fmt: skip
    add_backend_arguments(parser)
    add_enrolment_arguments(parser)
    parser.add_argument(
        "--average", choices=["embeddings", "scores"], default="embeddings",
        help="how a model's recordings are combined: mean of embeddings (of unit length for cosine), or mean of scores "
        "(default: embeddings)",
    )  # fmt: skip
    parser.add_argument(
        "--mean-vector", metavar="FILE", help="old name of --center FILE; will go with the next release"
    )
    add_skip_missing(parser)
    add_strip_suffix_argument(parser)
    parser.add_argument("--metrics", action="store_true", help="print EER, minDCF, Cllr and more of labelled lists")
    add_cost_arguments(parser)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Scores all lists and prints what was written."""
    from speakerssl.scoring.score_lists import ScoringJob, output_paths, score_lists

    options = summary_options(args)
    if args.mean_vector:
        if args.center:
            raise InputError("--mean-vector is the old name of --center; give --center alone")
        warn("score", "--mean-vector is now --center FILE; the old name will go with the next release")
        args.center = args.mean_vector
    outputs = output_paths(args.trials, args.output)
    job = ScoringJob(input_files(args), args.trials, outputs, backend_file(args), args.skip_missing)
    results = [_result(done, options if args.metrics else None) for done in score_lists(job)]
    if args.json:
        print(json.dumps(results[0] if len(results) == 1 else results, indent=1))
    else:
        _print(results)
    return 0


def _result(done: "ScoredList", options: "SummaryOptions | None") -> dict[str, Any]:
    """What is told of one list, with its metrics where `options` ask for them."""
    result: dict[str, Any] = {
        "trials_file": done.trials.path,
        "scores_file": done.output,
        "score": done.meaning,
        "scored": len(done.trials),
        "skipped": done.skipped,
        "skipped_file": done.skipped_file,
        "num_utts_file": done.num_utts_file,
    }
    if options is not None:
        result["metrics"] = None
    if options is not None and done.trials.labels is not None:
        from speakerssl.metrics.summary import summarize

        result["metrics"] = summarize(done.scores, done.trials.require_labels(), options, done.trials)
    return result


def _print(results: list[dict[str, Any]]) -> None:
    for result in results:
        print(f"{result['scores_file']}: {result['scored']} scores of {result['trials_file']}")
        if result["score"] != "cosine":
            print(f"{result['scores_file']}: each score is a {result['score']}")
        if result["skipped_file"]:
            print(f"{result['skipped_file']}: {result['skipped']} trials skipped for want of an embedding")
        if result["num_utts_file"]:
            print(f"{result['num_utts_file']}: recordings of each enrolment model")
        if "metrics" in result and result["metrics"] is None:
            print(f"{result['trials_file']}: has no labels, so there are no metrics of it")
        elif "metrics" in result:
            from speakerssl.metrics.display import print_summary

            print_summary(result["metrics"], result["trials_file"])
