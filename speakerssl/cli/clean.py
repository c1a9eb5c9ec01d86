"""`speakerssl clean`: which labels are likely wrong."""

import argparse
import json

DESCRIPTION = """Scores every label of a speaker or cluster file by how likely it is wrong, from embeddings.

  speakerssl clean --embeddings exp/embeddings/xvector.scp --utt2spk data/train/utt2spk --output exp/clean
  speakerssl clean --embeddings exp/embeddings/xvector.scp --utt2spk exp/clusters --method subcentre --output exp/clean

Writes OUTPUT/suspect_labels, `recording score 1|0` a line (higher scores are more suspect, 1 is over the threshold),
and OUTPUT/utt2spk with the other recordings. Methods: aum, the area under the margin with threshold samples
(arXiv 2001.10528); subcentre, the angle to the dominant sub-centre (over 75 degrees is suspect)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--embeddings", required=True, metavar="FILE", help="embeddings: .scp, .ark, .npz or .npy")
    parser.add_argument("--utt2spk", required=True, metavar="FILE", help="the labels to check, `recording speaker`")
    parser.add_argument("--output", required=True, metavar="DIR", help="where suspect_labels and utt2spk go")
    parser.add_argument("--method", choices=("aum", "subcentre"), default="aum", help="how to score (default aum)")
    parser.add_argument("--threshold", type=float, help="suspect above this score (default: by the method, see above)")
    parser.add_argument("--epochs", type=int, default=30, help="over the embeddings (default 30)")
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default 0)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from speakerssl.clustering.suspects import find_suspects
    from speakerssl.data.tables import write_table
    from speakerssl.embeddings.storage import read_embeddings
    from speakerssl.errors import InputError
    from speakerssl.trials.speakers import read_utt2spk

    if args.epochs < 1:
        raise InputError(f"--epochs is {args.epochs}; it must be 1 or more")
    labels = read_utt2spk(args.utt2spk)
    chosen = read_embeddings(args.embeddings).select(list(labels))
    _, numbers = np.unique(list(labels.values()), return_inverse=True)
    found = find_suspects(chosen.matrix, numbers, args.method, args.epochs, args.seed)
    threshold = found.threshold if args.threshold is None else args.threshold
    suspect = found.scores > threshold
    rows = [(key, f"{score:.6g} {int(bad)}") for key, score, bad in zip(chosen.ids, found.scores, suspect)]
    write_table(f"{args.output}/suspect_labels", rows)
    write_table(f"{args.output}/utt2spk", [(key, labels[key]) for key, bad in zip(chosen.ids, suspect) if not bad])
    facts = {"labels": len(labels), "suspect": int(suspect.sum()), "threshold": threshold, "method": args.method}
    if args.json:
        print(json.dumps({**facts, "suspect_labels": f"{args.output}/suspect_labels"}))
    else:
        share = 100 * facts["suspect"] / facts["labels"]
        print(f"{args.output}/suspect_labels: {facts['suspect']} of {facts['labels']} labels ({share:.1f} %) over "
              f"{threshold:.4g} by {args.method}\n{args.output}/utt2spk: the others")  # fmt: skip
    return 0
