"""`speakerssl norm`: Z, T, S and adaptive S normalization with any cohort."""

import argparse

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.metric_options import add_strip_suffix_argument, suffixes_to_strip
from speakerssl.cli.scoring_options import (
    add_backend_arguments,
    add_enrolment_arguments,
    add_json_argument,
    add_skip_missing,
    backend_file,
    input_files,
    print_facts,
    report_skipped,
    warn,
)
from speakerssl.errors import InputError
from speakerssl.scoring.cohort import CLUSTERINGS
from speakerssl.scoring.cohort_files import CohortFiles
from speakerssl.scoring.normalization import BLOCK_MEMORY, METHODS
from speakerssl.scoring.normalize_list import NormalizationJob, normalize_list
from speakerssl.scoring.normalized_scores import Normalization

DESCRIPTION = """\
Normalize scores by what each recording scores against a cohort of impostors.

  speakerssl norm --embeddings test/xvector.scp --trials trials --cohort train/xvector.scp \\
      --cohort-utt2spk train/utt2spk --method as --top 300 --output exp/scores_asnorm

Each cohort recording is one impostor; with --cohort-utt2spk each speaker is (the mean of its recordings); with
--cohort-clusters 5000, where nothing is labelled, each cluster is (a pseudo-speaker). Scores are cosine, or those
of --backend, or any system's given with --scores. A system that has no embeddings gives its cohort scores as
files: --scores S --enrol-cohort-scores E --test-cohort-scores T (`recording cohort score` lines).

z: (s - mean) / deviation by the enrolment's cohort scores; t: by the test's; s: the mean of z and t; as: s with
the --top highest cohort scores of each side (adaptive S-norm). The deviation is divided by the number of scores."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl norm`."""
    parser.add_argument("--trials", metavar="FILE", help="trial list (default: the pairs of --scores)")
    parser.add_argument("--embeddings", metavar="FILE", help="embeddings of the trials: .scp, .ark, .npz or .npy")
    parser.add_argument("--scores", metavar="FILE", help="scores to normalize (default: made from --embeddings)")
    parser.add_argument("--cohort", metavar="FILE", help="embeddings of the cohort")
    parser.add_argument("--cohort-utt2spk", metavar="FILE", help="one cohort vector for each speaker of this file")
    parser.add_argument("--cohort-clusters", type=int, metavar="K", help="one cohort vector for each of K clusters")
    parser.add_argument("--clustering", choices=CLUSTERINGS, default="kmeans", help="how to cluster (default kmeans)")
    parser.add_argument(
        "--min-cluster-size", type=int, default=1, help="leave out clusters of fewer recordings (default 1: none)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the clustering (default 0)")
    parser.add_argument("--enrol-cohort-scores", metavar="FILE", help="cohort scores of the enrolments, made elsewhere")
    parser.add_argument("--test-cohort-scores", metavar="FILE", help="cohort scores of the tests, made elsewhere")
    parser.add_argument("--method", choices=METHODS, default="as", help="normalization (default as)")
    parser.add_argument("--top", type=int, default=300, help="highest cohort scores that `as` keeps (default 300)")
    parser.add_argument(
        "--block-memory",
        type=float,
        default=BLOCK_MEMORY,
        help=f"MiB that all blocks of cohort scores may take at once (default {BLOCK_MEMORY:g})",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="score file to write: `enrol test score` lines")
    parser.add_argument(
        "--write-cohort-means",
        metavar="FILE",
        help="also write `recording mean` lines of the cohort scores: a quality measure for `speakerssl calibrate`",
    )
    parser.add_argument("--write-clusters", metavar="FILE", help="also write the clusters as an utt2spk file")
    add_backend_arguments(parser)
    add_enrolment_arguments(parser)
    add_skip_missing(parser)
    add_strip_suffix_argument(parser)
    add_executor_option(parser, jobs=True)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Normalizes, writes, and says what was done."""
    done = normalize_list(_job(args))
    for remark in done.remarks:
        warn("norm", remark)
    report_skipped("norm", done.skipped_file, done.pairs, done.recordings)
    facts: dict[str, object] = {"method": args.method, "trials": len(done.scores), "skipped": len(done.pairs)}
    if done.cohort is not None:
        facts["cohort"] = done.cohort
    if args.method == "as":
        facts["top"] = args.top
    if args.write_cohort_means:
        facts["cohort_means"] = args.write_cohort_means
    facts["output"] = args.output
    if done.skipped_file:
        facts["skipped_file"] = done.skipped_file
    print_facts(facts, args.json)
    return 0


def _job(args: argparse.Namespace) -> NormalizationJob:
    if args.scores and args.center and not args.embeddings:
        raise InputError("--center moves embeddings; it needs --embeddings")
    cohort = None
    if args.cohort:
        cohort = CohortFiles(
            args.cohort, args.cohort_utt2spk, args.cohort_clusters, args.clustering, args.min_cluster_size, args.seed,
            args.write_clusters, args.skip_missing,
        )  # fmt: skip
    return NormalizationJob(
        args.output,
        Normalization(args.method, args.top, args.block_memory),
        args.trials,
        args.scores,
        input_files(args) if args.embeddings else None,
        backend_file(args),
        cohort,
        args.enrol_cohort_scores,
        args.test_cohort_scores,
        args.write_cohort_means,
        args.skip_missing,
        suffixes_to_strip(args),
    )
