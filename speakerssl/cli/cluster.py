"""`speakerssl cluster`: embeddings to pseudo-speakers."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from speakerssl.cli.executor_option import add_executor_option

if TYPE_CHECKING:
    from speakerssl.clustering.cluster import ClusterOptions

DESCRIPTION = """Clusters recordings by their embeddings; the result reads like an utt2spk and serves as one. Or says
who speaks when in recordings, as RTTM.

  speakerssl cluster --embeddings exp/embeddings/xvector.scp --clusters 7500 --micro 50000 --output exp/utt2cluster
  speakerssl cluster --embeddings exp/embeddings/xvector.scp --output exp/utt2cluster        how many: estimated
  speakerssl cluster --embeddings exp/embeddings/xvector.scp --method hdbscan --smallest 5 --output exp/utt2cluster
  speakerssl cluster --embeddings exp/embeddings/xvector.scp --model exp/mini --output exp/utt2cluster
  speakerssl cluster --recordings meeting.wav --model exp/mini --output meeting.rttm

Methods: agglomerative (after k-means to --micro clusters where there are more recordings); kmeans, spherical; spectral,
by the nearest neighbours; hdbscan, by density. Without --clusters or --threshold the number with the best silhouette
is taken, or with --model the threshold of its calibration.json; spectral finds the number itself.
Train with it: `method: {name: supervised, labels: exp/utt2cluster}`; check it: `speakerssl clean`."""

METHODS = ("agglomerative", "kmeans", "spectral", "hdbscan")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--embeddings", nargs="+", metavar="FILE", help="embeddings: .scp, .ark, .npz or .npy")
    source.add_argument(
        "--recordings", nargs="+", metavar="AUDIO", help="who speaks when in each of these; with --model"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="`recording cluster` lines, or RTTM")
    parser.add_argument("--model", metavar="EXP_DIR", help="embeds windows; its calibration gives the threshold")
    parser.add_argument("--window", type=float, default=1.5, metavar="S", help="seconds of a window (default 1.5)")
    parser.add_argument("--step", type=float, default=0.75, metavar="S", help="seconds between windows (default 0.75)")
    parser.add_argument("--method", choices=METHODS, default=METHODS[0], help=f"how (default {METHODS[0]})")
    parser.add_argument("--linkage", choices=("ward", "average"), default="ward", help="for agglomerative")
    parser.add_argument("--clusters", type=int, metavar="K", help="how many (default: estimated)")
    parser.add_argument("--threshold", type=float, metavar="C", help="average linkage: merge down to this mean cosine")
    parser.add_argument("--micro", type=int, default=10_000, metavar="M", help="k-means before linkage (default 10000)")
    parser.add_argument("--smallest", type=int, default=1, metavar="N", help="leave out smaller clusters (default 1)")
    parser.add_argument("--start", metavar="FILE", help="an earlier cluster file: its means start k-means")
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default 0)")
    parser.add_argument("--report-labels", metavar="FILE", help="true utt2spk, only to print NMI and purity")
    add_executor_option(parser, jobs=True)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.clustering.cluster import ClusterOptions
    from speakerssl.errors import InputError
    from speakerssl.io import check_file

    check_file(args.output)
    options = ClusterOptions(
        args.method, args.clusters, args.micro, args.linkage, args.threshold, args.smallest, seed=args.seed
    )
    if args.recordings:
        if args.model is None:
            raise InputError("--recordings needs --model, the directory of the model that embeds them")
        return _write_turns(args, options)
    return _write_clusters(args, options)


def _write_turns(args: argparse.Namespace, options: "ClusterOptions") -> int:
    from pathlib import Path

    from rich.progress import track

    from speakerssl.clustering.diarization import who_speaks_when
    from speakerssl.data.rttm import write_rttm
    from speakerssl.embeddings.model import load_model
    from speakerssl.errors import InputError

    names = [Path(path).stem.replace(" ", "_") for path in args.recordings]
    if len(set(names)) < len(names):
        raise InputError("two of the recordings have the same name but for their folder; cluster them one by one")
    model: Any = load_model(args.model)  # not every kind of model is known to embed windows
    turns = []
    for path, name in track(list(zip(args.recordings, names)), "who speaks when", disable=args.json, transient=True):
        turns += who_speaks_when(model, path, name, options, args.window, args.step)
    write_rttm(args.output, turns)
    speakers = {(turn.recording, turn.speaker) for turn in turns}
    facts = {"recordings": len(names), "turns": len(turns), "speakers": len(speakers), "output": args.output}
    if args.json:
        print(json.dumps(facts))
    else:
        print(f"{args.output}: {len(names)} recordings, {len(turns)} turns, {len(speakers)} speakers")
    return 0


def _write_clusters(args: argparse.Namespace, options: "ClusterOptions") -> int:
    import numpy as np

    from speakerssl.clustering.cluster import cluster
    from speakerssl.clustering.diarization import calibrated
    from speakerssl.clustering.files import read_all, report, start_means, write_clusters
    from speakerssl.embeddings.decision import load_decision

    if args.model is not None:
        options = calibrated(options, load_decision(args.model))
    embeddings = read_all(args.embeddings)
    start = start_means(embeddings, args.start) if args.start else None
    labels = cluster(embeddings.matrix, options, start)
    write_clusters(args.output, embeddings.ids, labels)
    facts = {
        "clusters": int(labels.max()) + 1,
        "recordings": int((labels >= 0).sum()),
        "left_out": int((labels < 0).sum()),
        "largest": int(np.bincount(labels[labels >= 0]).max()) if (labels >= 0).any() else 0,
        **(report(embeddings.ids, labels, args.report_labels) if args.report_labels else {}),
    }
    if args.json:
        print(json.dumps({**facts, "output": args.output}))
    else:
        print(f"{args.output}: " + ", ".join(f"{key.replace('_', ' ')} {value:.6g}" for key, value in facts.items()))
    return 0
