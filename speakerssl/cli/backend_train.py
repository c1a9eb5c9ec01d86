"""The arguments and runs of `speakerssl backend train` and `backend adapt`."""

import argparse

from speakerssl.cli.scoring_options import (
    BACKEND_HELP,
    PLDA_NORMALIZATION_HELP,
    add_json_argument,
    print_facts,
    warn,
)
from speakerssl.errors import InputError
from speakerssl.scoring.backend_jobs import TrainingJob, adapt_from_files, train_from_files
from speakerssl.scoring.backend_options import (
    ADAPTATIONS,
    PLDA_METHODS,
    PLDA_NORMALIZATIONS,
    AdaptationOptions,
    BackendOptions,
    PldaOptions,
)
from speakerssl.scoring.chain import describe_transforms
from speakerssl.scoring.cohort import CLUSTERINGS
from speakerssl.scoring.scorers import SCORERS

TRAIN = """\
Train a chain of transforms, in order, and with --plda a PLDA on what leaves it. The transforms:
{transforms}

  speakerssl backend train --embeddings train/xvector.scp --utt2spk train/utt2spk --chain mean,lda:150,length --plda \\
      --output exp/backend.npz
Without labels, clusters of the recordings stand for speakers: --clusters 5000 in place of --utt2spk."""

ADAPT = """\
Adapt the PLDA of a back-end (or a Kaldi plda file) to unlabelled in-domain embeddings.

  speakerssl backend adapt --backend exp/backend.npz --adapt in_domain/xvector.scp --output exp/adapted.npz"""


def add_train_arguments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The sub-verbs `train` and `adapt`."""
    formatter = argparse.RawDescriptionHelpFormatter
    description = TRAIN.format(transforms=describe_transforms())
    train = verbs.add_parser(
        "train", help="train a chain and a PLDA", description=description, formatter_class=formatter
    )
    train.add_argument(
        "--embeddings", required=True, metavar="FILE", help="training embeddings: .scp, .ark, .npz or .npy"
    )
    train.add_argument("--utt2spk", metavar="FILE", help="`recording speaker` lines; for lda, wccn and --plda")
    train.add_argument("--clusters", type=int, metavar="K", help="no labels: K clusters by cosine stand for speakers")
    train.add_argument("--clustering", choices=CLUSTERINGS, default="kmeans", help="how to cluster (default kmeans)")
    train.add_argument("--seed", type=int, default=0, help="seed of the clustering (default 0)")
    train.add_argument(
        "--chain", default="", help="transforms, comma-separated, such as mean,lda:150,length (default none)"
    )
    train.add_argument(
        "--adapt",
        metavar="FILE",
        help="file of unlabelled embeddings of the domain that will be scored; mean, whiten, coral and coral+ of "
        "--chain use it by themselves, the PLDA as --plda-adapt says",
    )
    train.add_argument(
        "--scorer", choices=sorted(SCORERS), help="what compares the embeddings that leave the chain (default cosine)"
    )
    train.add_argument("--plda", action="store_true", help="train a PLDA after the chain: short for --scorer plda")
    train.add_argument("--plda-method", choices=PLDA_METHODS, default="em", help="Kaldi's EM, or moments (default em)")
    train.add_argument("--plda-iterations", type=int, default=10, help="EM iterations (default 10, as Kaldi)")
    train.add_argument(
        "--plda-normalization",
        choices=PLDA_NORMALIZATIONS,
        default="length",
        help=f"{PLDA_NORMALIZATION_HELP} (default length)",
    )
    train.add_argument(
        "--plda-smoothing", type=float, default=0.0, help="adds this part of the between- to the within-speaker "
        "covariance, Kaldi's --smoothing (default 0)"
    )  # fmt: skip
    _add_adaptation(train, ADAPTATIONS, "none")
    _add_output(train)
    train.add_argument("--skip-missing", action="store_true", help="leave out recordings without speaker, listing them")
    adapt = verbs.add_parser(
        "adapt", help="adapt a PLDA to unlabelled embeddings", description=ADAPT, formatter_class=formatter
    )
    adapt.add_argument("--backend", required=True, metavar="FILE", help=f"{BACKEND_HELP}; with a PLDA")
    adapt.add_argument("--adapt", required=True, metavar="FILE", help="file of unlabelled in-domain embeddings")
    _add_adaptation(adapt, ADAPTATIONS[1:], "kaldi")
    _add_output(adapt)


def _add_adaptation(parser: argparse.ArgumentParser, methods: tuple[str, ...], default: str) -> None:
    parser.add_argument(
        "--plda-adapt",
        choices=methods,
        default=default,
        help="method (not a file) by which the PLDA is adapted to the embeddings of --adapt: `kaldi` is Kaldi's "
        f"ivector-adapt-plda, `coral+` is CORAL+ (default {default})",
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
    if args.plda and args.scorer not in (None, "plda"):
        raise InputError(f"--plda is --scorer plda; it contradicts --scorer {args.scorer}")
    plda = PldaOptions(args.plda_method, args.plda_iterations, args.plda_normalization, args.plda_smoothing)
    scorer = args.scorer or ("plda" if args.plda else "cosine")
    options = BackendOptions(args.chain, scorer, plda, adaptation_of(args))
    done = train_from_files(
        TrainingJob(
            args.embeddings, args.output, options, args.utt2spk, args.clusters, args.clustering, args.seed, args.adapt,
            args.kaldi_plda, args.skip_missing,
        )
    )  # fmt: skip
    for name in done.skipped:
        warn("backend train", f"skipped '{name}', which has no speaker")
    facts: dict[str, object] = {"backend": str(done.backend), "recordings": done.recordings}
    if done.speakers is not None:
        facts["clusters" if args.clusters else "speakers"] = done.speakers
    print_facts({**facts, "output": args.output}, args.json)
    return 0


def run_adapt(args: argparse.Namespace) -> int:
    """Adapts and writes a back-end."""
    done = adapt_from_files(args.backend, args.adapt, adaptation_of(args), args.output, args.kaldi_plda)
    facts = {"backend": str(done.backend), "in_domain_recordings": done.recordings, "output": args.output}
    print_facts(facts, args.json)
    return 0
