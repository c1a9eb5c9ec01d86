"""`speakerssl backend train|adapt|apply`: embedding chains and PLDA."""

import argparse

from speakerssl.cli.backend_train import add_train_arguments, run_adapt, run_train
from speakerssl.cli.side_options import add_side_arguments, load_sides, print_facts, read_both, report_skipped
from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import load_backend
from speakerssl.scoring.plda import NORMALIZATIONS
from speakerssl.scoring.trial_vectors import chained, score_vectors
from speakerssl.trials.score_file import round_scores, write_scores

DESCRIPTION = """\
Train an embedding chain and a PLDA, adapt the PLDA to unlabelled data, and score trials with them.

  speakerssl backend train --embeddings train/xvector.scp --utt2spk train/utt2spk \\
      --chain mean,lda:150,length --plda --output exp/backend.npz
  speakerssl backend adapt --backend exp/backend.npz --adapt in_domain/xvector.scp --output exp/adapted.npz
  speakerssl backend apply --backend exp/adapted.npz --embeddings test/xvector.scp \\
      --trials trials --output exp/scores

`speakerssl backend train --help` lists the steps of a chain. A back-end is one npz file of arrays; `apply` and
`adapt` also take a Kaldi `plda` file (binary or text) and wespeaker's `mean_vec.npy`."""

APPLY = """\
Score trials: the chain, then PLDA log-likelihood ratios (natural logarithm), or cosine where there is no PLDA.
Also, or instead, write what the chain makes of the embeddings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The three sub-verbs."""
    verbs = parser.add_subparsers(dest="action", metavar="train|adapt|apply", required=True)
    add_train_arguments(verbs)
    apply = verbs.add_parser(
        "apply",
        help="score trials, or transform embeddings",
        description=APPLY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    apply.add_argument("--backend", required=True, metavar="FILE", help="back-end npz, Kaldi plda or mean_vec.npy")
    apply.add_argument("--embeddings", required=True, metavar="FILE", help="embeddings: .scp, .ark, .npz or .npy")
    apply.add_argument("--trials", metavar="FILE", help="trial list to score")
    apply.add_argument("--output", metavar="FILE", help="score file to write: `enrol test score` lines")
    apply.add_argument(
        "--output-embeddings",
        metavar="DIR",
        help="write the chained embeddings as DIR/xvector.{ark,scp,npz}",
    )
    apply.add_argument(
        "--plda-normalization",
        choices=NORMALIZATIONS,
        help="length normalization inside PLDA (default: as trained; `length` for a Kaldi plda): `length` is Kaldi's "
        "--normalize-length=true, `simple` its --simple-length-normalization=true, `none` no normalization",
    )
    add_side_arguments(apply)


def run(args: argparse.Namespace) -> int:
    """Calls the chosen sub-verb."""
    return {"train": run_train, "adapt": run_adapt, "apply": run_apply}[args.action](args)


def run_apply(args: argparse.Namespace) -> int:
    """Scores trials and writes transformed embeddings, as asked."""
    if bool(args.trials) != bool(args.output) or not (args.trials or args.output_embeddings):
        raise InputError("nothing to do: give --trials with --output, or --output-embeddings, or all three")
    backend = load_backend(args.backend, args.plda_normalization)
    trials = None
    if args.trials:
        embeddings, trials = read_both(args.embeddings, args.trials)
    else:
        embeddings = read_embeddings(args.embeddings)
    facts: dict[str, object] = {"backend": str(backend)}
    if args.output_embeddings:
        paths = write_embeddings(args.output_embeddings, embeddings.ids, chained(backend, embeddings))
        facts["embeddings"] = str(paths["scp"])
    if trials is not None:
        sides, kept = load_sides(args, trials, embeddings, backend)
        write_scores(args.output, kept.trials, round_scores(score_vectors(sides, backend)))
        meaning = "natural-log likelihood ratio of the PLDA" if backend.plda else "cosine"
        facts |= {"score": meaning, "trials": len(kept.trials), "skipped": len(kept.pairs), "output": args.output}
        facts |= report_skipped("backend apply", args.output, kept.pairs, kept.recordings)
    print_facts(facts, args.json)
    return 0
