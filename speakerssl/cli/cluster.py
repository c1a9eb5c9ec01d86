"""`speakerssl cluster`: embeddings to pseudo-speakers."""

import argparse
import json

DESCRIPTION = """Clusters recordings by their embeddings; the result reads like an utt2spk and serves as one.

  speakerssl cluster --embeddings exp/embeddings/xvector.scp --clusters 7500 --micro 50000 --output exp/utt2cluster
  speakerssl cluster --embeddings exp/embeddings/xvector.scp --output exp/utt2cluster        how many: estimated
  speakerssl cluster --embeddings exp/embeddings/xvector.scp --method hdbscan --smallest 5 --output exp/utt2cluster

Methods: agglomerative (after k-means to --micro clusters where there are more recordings); kmeans, spherical; hdbscan,
by density. Without --clusters or --threshold the number with the best silhouette is taken.
Train with it: `method: {name: supervised, labels: exp/utt2cluster}`; check it: `speakerssl clean`."""

METHODS = ("agglomerative", "kmeans", "hdbscan")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--embeddings", required=True, nargs="+", metavar="FILE", help="embeddings: .scp, .ark, .npz or .npy"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="`recording cluster` lines")
    parser.add_argument("--method", choices=METHODS, default=METHODS[0], help=f"how (default {METHODS[0]})")
    parser.add_argument("--linkage", choices=("ward", "average"), default="ward", help="for agglomerative")
    parser.add_argument("--clusters", type=int, metavar="K", help="how many (default: estimated)")
    parser.add_argument("--threshold", type=float, metavar="C", help="average linkage: merge down to this mean cosine")
    parser.add_argument("--micro", type=int, default=10_000, metavar="M", help="k-means before linkage (default 10000)")
    parser.add_argument("--smallest", type=int, default=1, metavar="N", help="leave out smaller clusters (default 1)")
    parser.add_argument("--start", metavar="FILE", help="an earlier cluster file: its means start k-means")
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default 0)")
    parser.add_argument("--report-labels", metavar="FILE", help="true utt2spk, only to print NMI and purity")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from speakerssl.clustering.cluster import ClusterOptions, cluster
    from speakerssl.clustering.files import read_all, report, start_means, write_clusters

    options = ClusterOptions(
        args.method, args.clusters, args.micro, args.linkage, args.threshold, args.smallest, seed=args.seed
    )
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
