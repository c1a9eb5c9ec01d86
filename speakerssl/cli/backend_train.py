"""The arguments and runs of `speakerssl backend train` and `backend adapt`."""

import argparse
import sys

import numpy as np

from speakerssl.cli.side_options import add_json_argument, print_facts
from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend, load_backend, save_backend
from speakerssl.scoring.backend_training import (
    ADAPTATIONS,
    AdaptationOptions,
    BackendOptions,
    adapt_backend,
    train_backend,
    with_speakers,
)
from speakerssl.scoring.chain import describe_steps
from speakerssl.scoring.cohort import CLUSTERINGS, cluster
from speakerssl.scoring.cosine import unit_rows
from speakerssl.scoring.kaldi_plda import write_kaldi_plda
from speakerssl.scoring.plda import NORMALIZATIONS
from speakerssl.scoring.plda_training import METHODS
from speakerssl.trials.speakers import read_utt2spk

TRAIN = """\
Train a chain of steps, in order, and with --plda a PLDA on what leaves it. The steps:
{steps}

  speakerssl backend train --embeddings train/xvector.scp --utt2spk train/utt2spk --chain mean,lda:150,length --plda \\
      --output exp/backend.npz
Without labels, clusters of the recordings stand for speakers: --clusters 5000 in place of --utt2spk."""


def add_train_arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The sub-verbs `train` and `adapt`."""
    formatter = argparse.RawDescriptionHelpFormatter
    train = verbs.add_parser(
        "train",
        help="train a chain and a PLDA",
        description=TRAIN.format(steps=describe_steps()),
        formatter_class=formatter,
    )
    train.add_argument(
        "--embeddings", required=True, metavar="FILE", help="training embeddings: .scp, .ark, .npz or .npy"
    )
    train.add_argument("--utt2spk", metavar="FILE", help="`recording speaker` lines; for lda, wccn and --plda")
    train.add_argument("--clusters", type=int, metavar="K", help="no labels: K clusters by cosine stand for speakers")
    train.add_argument("--clustering", choices=CLUSTERINGS, default="kmeans", help="how to cluster (default kmeans)")
    train.add_argument("--seed", type=int, default=0, help="seed of the clustering (default 0)")
    train.add_argument("--chain", default="", help="steps, comma-separated, such as mean,lda:150,length (default none)")
    train.add_argument("--adapt", metavar="FILE", help="unlabelled in-domain embeddings, for mean, whiten, coral, PLDA")
    train.add_argument("--plda", action="store_true", help="train a PLDA after the chain (default: cosine)")
    train.add_argument("--plda-method", choices=METHODS, default="em", help="Kaldi's EM, or moments (default em)")
    train.add_argument("--plda-iterations", type=int, default=10, help="EM iterations (default 10, as Kaldi)")
    train.add_argument(
        "--plda-normalization",
        choices=NORMALIZATIONS,
        default="length",
        help="length normalization when scoring: `length` is Kaldi's --normalize-length=true, `simple` its "
        "--simple-length-normalization=true (default length)",
    )
    train.add_argument(
        "--plda-smoothing", type=float, default=0.0, help="adds this part of the between- to the within-speaker "
        "covariance, Kaldi's --smoothing (default 0)"
    )  # fmt: skip
    _add_adaptation(train, ADAPTATIONS, "none")
    _add_output(train)
    train.add_argument("--skip-missing", action="store_true", help="leave out recordings without speaker, listing them")
    adapt = verbs.add_parser(
        "adapt",
        help="adapt a PLDA to unlabelled embeddings",
        description="Adapt the PLDA of a back-end (or a Kaldi plda file) to unlabelled in-domain embeddings.",
        formatter_class=formatter,
    )
    adapt.add_argument("--backend", required=True, metavar="FILE", help="back-end npz with a PLDA, or Kaldi plda file")
    adapt.add_argument("--adapt", required=True, metavar="FILE", help="unlabelled in-domain embeddings")
    _add_adaptation(adapt, ADAPTATIONS[1:], "kaldi")
    _add_output(adapt)


def _add_adaptation(parser: argparse.ArgumentParser, methods: tuple[str, ...], default: str) -> None:
    parser.add_argument(
        "--plda-adapt",
        choices=methods,
        default=default,
        help=f"adapt the PLDA to --adapt: Kaldi's ivector-adapt-plda, or CORAL+ (default {default})",
    )
    options = AdaptationOptions()
    for name, meaning in (
        ("mean-diff-scale", "weight of the shift of the mean, as variance"),
        ("within-covar-scale", "part of the excess variance that is within speakers"),
        ("between-covar-scale", "part of the excess variance that is between speakers"),
    ):
        value = getattr(options, name.replace("-", "_").replace("covar_", ""))
        parser.add_argument(f"--{name}", type=float, default=value, help=f"kaldi: {meaning} (default {value:g})")
    parser.add_argument("--gamma", type=float, default=1.0, help="coral+: part of the growth, 0 to 1 (default 1)")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", required=True, metavar="FILE", help="back-end to write (npz of arrays)")
    parser.add_argument("--kaldi-plda", metavar="FILE", help="also write the PLDA as a binary Kaldi plda file")
    add_json_argument(parser)


def adaptation_of(args: argparse.Namespace) -> AdaptationOptions:
    """The adaptation options of the command line."""
    scales = args.mean_diff_scale, args.within_covar_scale, args.between_covar_scale
    return AdaptationOptions(args.plda_adapt, *scales, args.gamma)


def run_train(args: argparse.Namespace) -> int:
    """Trains and writes a back-end."""
    if args.kaldi_plda and not args.plda:
        raise InputError("--kaldi-plda writes the PLDA; give --plda too")
    embeddings, speakers = _training_set(args)
    in_domain = read_embeddings(args.adapt) if args.adapt else None
    options = BackendOptions(
        args.chain, args.plda, args.plda_method, args.plda_iterations, args.plda_normalization,
        args.plda_smoothing, adaptation_of(args),
    )  # fmt: skip
    backend = train_backend(embeddings, speakers, options, in_domain)
    facts: dict[str, object] = {"recordings": len(embeddings)}
    if speakers is not None:
        facts["clusters" if args.clusters else "speakers"] = len(np.unique(speakers))
    return _write(args, backend, facts)


def run_adapt(args: argparse.Namespace) -> int:
    """Adapts and writes a back-end."""
    in_domain = read_embeddings(args.adapt)
    backend = adapt_backend(load_backend(args.backend), in_domain, adaptation_of(args))
    return _write(args, backend, {"in_domain_recordings": len(in_domain)})


def _write(args: argparse.Namespace, backend: Backend, facts: dict[str, object]) -> int:
    save_backend(args.output, backend)
    if args.kaldi_plda and backend.plda is not None:
        write_kaldi_plda(args.kaldi_plda, backend.plda)
    print_facts({"backend": str(backend), **facts, "output": args.output}, args.json)
    return 0


def _training_set(args: argparse.Namespace) -> tuple[Embeddings, np.ndarray | None]:
    if args.utt2spk and args.clusters:
        raise InputError("--utt2spk and --clusters both say who speaks; give one")
    embeddings = read_embeddings(args.embeddings)
    if args.clusters:
        labels = cluster(unit_rows(embeddings.matrix), args.clusters, args.clustering, args.seed)
        return embeddings, labels
    if not args.utt2spk:
        return embeddings, None
    utt2spk = read_utt2spk(args.utt2spk)
    embeddings, speakers, skipped = with_speakers(embeddings, utt2spk, args.utt2spk, args.skip_missing)
    for name in skipped:
        print(f"speakerssl backend train: skipped '{name}', which has no speaker", file=sys.stderr)
    return embeddings, speakers
