"""`speakerssl norm`: Z, T, S and adaptive S normalization with any cohort."""

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from speakerssl.cli.side_options import add_side_arguments, load_sides, print_facts, report_skipped
from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.errors import InputError
from speakerssl.io import write_text
from speakerssl.scoring.backend import Backend, load_backend
from speakerssl.scoring.backend_training import with_speakers
from speakerssl.scoring.cohort import CLUSTERINGS, Cohort, pseudo_speaker_cohort, speaker_cohort
from speakerssl.scoring.cohort_statistics import file_statistics, side_statistics
from speakerssl.scoring.normalization import BLOCK_MEMORY, METHODS, CohortStatistics, normalize
from speakerssl.scoring.trial_vectors import chained, score_vectors
from speakerssl.trials.score_file import join, read_scores, round_scores, write_scores
from speakerssl.trials.speakers import read_utt2spk
from speakerssl.trials.trial_list import Trials, read_trials

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
    parser.add_argument("--backend", metavar="FILE", help="back-end npz, Kaldi plda or mean_vec.npy (default: cosine)")
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
    add_side_arguments(parser)


@dataclass(frozen=True)
class Prepared:
    """Raw scores of trials [T], and cohort statistics with the ids and rows that they belong to."""

    trials: Trials
    scores: np.ndarray
    statistics: list[tuple[list[str], CohortStatistics | None, np.ndarray]]
    skipped: list[tuple[str, str]]
    left_out: list[str]
    cohort: int | None


def run(args: argparse.Namespace) -> int:
    """Normalizes and writes."""
    from_files = bool(args.enrol_cohort_scores or args.test_cohort_scores)
    if from_files == bool(args.cohort):
        raise InputError("the cohort is --cohort EMBEDDINGS, or --enrol-cohort-scores and --test-cohort-scores")
    ready = _from_files(args) if from_files else _from_embeddings(args)
    sides = [None if side is None else side.select(rows) for _, side, rows in ready.statistics]
    scores = normalize(ready.scores, args.method, *sides)
    write_scores(args.output, ready.trials, round_scores(scores))
    facts: dict[str, object] = {"method": args.method, "trials": len(scores), "skipped": len(ready.skipped)}
    if ready.cohort is not None:
        facts["cohort"] = ready.cohort
    if args.method == "as":
        facts["top"] = args.top
    if args.write_cohort_means:
        _write_means(args.write_cohort_means, ready)
        facts["cohort_means"] = args.write_cohort_means
    facts |= {"output": args.output, **report_skipped("norm", args.output, ready.skipped, ready.left_out)}
    print_facts(facts, args.json)
    return 0


def _trials_and_scores(args: argparse.Namespace) -> tuple[Trials, np.ndarray | None, list[tuple[str, str]]]:
    """The trials, their scores where a file gives them, and the pairs that it lacks."""
    if not args.scores:
        if not args.trials:
            raise InputError("give --trials, or --scores whose pairs are the trials")
        return read_trials(args.trials), None, []
    scores = read_scores(args.scores)
    if args.trials:
        joined = join(scores, read_trials(args.trials), args.skip_missing)
        return joined.trials.compact(), joined.scores, joined.skipped
    if scores.trials is None:
        raise InputError(f"{args.scores}: has no ids; name the trial list with --trials")
    return scores.trials, scores.values, []


def _from_files(args: argparse.Namespace) -> Prepared:
    trials, scores, skipped = _trials_and_scores(args)
    if scores is None:
        raise InputError("cohort score files go with --scores, the raw scores of the same system")
    top = args.top if args.method == "as" else None
    statistics: list[tuple[list[str], CohortStatistics | None, np.ndarray]] = []
    for path, ids, rows, unused in (
        (args.enrol_cohort_scores, trials.enrol_ids, trials.enrol_index, "t"),
        (args.test_cohort_scores, trials.test_ids, trials.test_index, "z"),
    ):
        found = file_statistics(read_scores(path), ids, top) if path and args.method != unused else None
        statistics.append((ids, found, rows))
    return Prepared(trials, scores, statistics, skipped, [], None)


def _from_embeddings(args: argparse.Namespace) -> Prepared:
    if not args.embeddings:
        raise InputError("give --embeddings of the trials, to be compared with the cohort")
    backend = load_backend(args.backend) if args.backend else Backend()
    listed, given, unscored = _trials_and_scores(args)
    embeddings = read_embeddings(args.embeddings)
    sides, kept = load_sides(args, listed, embeddings, backend)
    if given is not None and kept.pairs:
        known = set(kept.pairs)
        given = given[[listed.pair(row) not in known for row in range(len(listed))]]
    cohort = backend.project(_cohort(args, backend, embeddings).matrix)
    raw = score_vectors(sides, backend) if given is None else given
    enrol, test = side_statistics(sides, backend, cohort, args.method, args.top, args.block_memory, args.cohort)
    statistics = [(sides.enrol_ids, enrol, sides.enrol_rows), (sides.test_ids, test, sides.test_rows)]
    return Prepared(kept.trials, raw, statistics, unscored + kept.pairs, kept.recordings, len(cohort))


def _cohort(args: argparse.Namespace, backend: Backend, tested: Embeddings) -> Cohort:
    if args.cohort_utt2spk and args.cohort_clusters:
        raise InputError("--cohort-utt2spk and --cohort-clusters both say who speaks; give one")
    if args.write_clusters and not args.cohort_clusters:
        raise InputError("--write-clusters writes the clusters of --cohort-clusters; give that too")
    found = read_embeddings(args.cohort)
    if found.dim != tested.dim:
        raise InputError(f"{found.path} holds embeddings of {found.dim} numbers, {tested.path} of {tested.dim}")
    unit = backend.plda is None
    if args.cohort_utt2spk:
        utt2spk = read_utt2spk(args.cohort_utt2spk)
        found, speakers, skipped = with_speakers(found, utt2spk, args.cohort_utt2spk, args.skip_missing)
        for name in skipped:
            print(f"speakerssl norm: skipped '{name}' of the cohort, which has no speaker", file=sys.stderr)
        return speaker_cohort(chained(backend, found), speakers, unit)
    vectors = chained(backend, found)
    if not args.cohort_clusters:
        _warn_of_shared(found, tested)
        return Cohort(found.ids, vectors)
    smallest = args.min_cluster_size
    cohort, groups = pseudo_speaker_cohort(vectors, args.cohort_clusters, args.clustering, smallest, args.seed, unit)
    if args.write_clusters:
        pairs = [(name, cohort.ids[group]) for name, group in zip(found.ids, groups) if group >= 0]
        write_text(args.write_clusters, "".join(f"{name} {speaker}\n" for name, speaker in pairs))
    return cohort


def _warn_of_shared(cohort: Embeddings, tested: Embeddings) -> None:
    """A recording that meets itself in the cohort raises its own mean: worth knowing, seldom meant."""
    shared = sum(name in tested.rows for name in cohort.ids)
    if shared:
        message = f"{shared} recordings of {cohort.path} are in {tested.path} too and meet themselves in the cohort"
        print(f"speakerssl norm: warning: {message}", file=sys.stderr)


def _write_means(path: str, ready: Prepared) -> None:
    means: dict[str, float] = {}
    for ids, side, _ in ready.statistics:
        if side is not None:
            means |= dict(zip(ids, side.mean.tolist()))
    write_text(path, "".join(f"{name} {mean!r}\n" for name, mean in means.items()))
