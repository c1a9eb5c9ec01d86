"""`speakerssl backend train|adapt|apply`: embedding chains and PLDA."""

import argparse

from speakerssl.cli.backend_train import add_train_arguments, run_adapt, run_train
from speakerssl.cli.scoring_options import (
    BACKEND_HELP,
    add_enrolment_arguments,
    add_json_argument,
    add_skip_missing,
    backend_file,
    input_files,
    print_facts,
    report_skipped,
    warn,
)
from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import load_backend
from speakerssl.scoring.backend_options import PLDA_NORMALIZATIONS
from speakerssl.scoring.projection import apply_chain
from speakerssl.scoring.score_lists import ScoringJob, score_lists

DESCRIPTION = """\
Train an embedding chain and a PLDA, adapt the PLDA to unlabelled data, and write what the chain makes of embeddings.

  speakerssl backend train --embeddings train/xvector.scp --utt2spk train/utt2spk \\
      --chain mean,lda:150,length --plda --output exp/backend.npz
  speakerssl backend adapt --backend exp/backend.npz --adapt in_domain/xvector.scp --output exp/adapted.npz
  speakerssl backend apply --backend exp/adapted.npz --embeddings test/xvector.scp --output-embeddings exp/chained

Trials are scored with a back-end by `speakerssl score --backend` and `speakerssl norm --backend`.
`speakerssl backend train --help` lists the transforms of a chain. A back-end is one npz file of arrays; a Kaldi
`plda` file (binary or text) and wespeaker's `mean_vec.npy` are taken wherever one is."""

APPLY = """\
Write what the chain of a back-end makes of embeddings, without its PLDA.

  speakerssl backend apply --backend exp/backend.npz --embeddings test/xvector.scp --output-embeddings exp/chained"""

OLD = "old way of `speakerssl score`; will go with the next release"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The three sub-verbs."""
    verbs = parser.add_subparsers(dest="action", metavar="train|adapt|apply", required=True)
    add_train_arguments(verbs)
    apply = verbs.add_parser(
        "apply",
        help="write what the chain makes of embeddings",
        description=APPLY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    apply.add_argument("--backend", required=True, metavar="FILE", help=BACKEND_HELP)
    apply.add_argument("--embeddings", required=True, metavar="FILE", help="embeddings: .scp, .ark, .npz or .npy")
    apply.add_argument("--output-embeddings", metavar="DIR", help="folder for xvector.{ark,scp,npz}")
    add_json_argument(apply)
    old = apply.add_argument_group("scoring", OLD)
    old.add_argument("--trials", metavar="FILE", help="trial list to score")
    old.add_argument("--output", metavar="FILE", help="score file to write: `enrol test score` lines")
    old.add_argument("--plda-normalization", choices=PLDA_NORMALIZATIONS, help="length normalization inside PLDA")
    add_enrolment_arguments(old)
    add_skip_missing(old)
    apply.set_defaults(center=None)


def run(args: argparse.Namespace) -> int:
    """Calls the chosen sub-verb."""
    return {"train": run_train, "adapt": run_adapt, "apply": run_apply}[args.action](args)


def run_apply(args: argparse.Namespace) -> int:
    """Writes transformed embeddings; scores trials too where the old options ask for it."""
    if bool(args.trials) != bool(args.output) or not (args.trials or args.output_embeddings):
        raise InputError("nothing to do: give --output-embeddings (trials are scored by `speakerssl score --backend`)")
    backend = load_backend(args.backend, args.plda_normalization)
    facts: dict[str, object] = {"backend": str(backend)}
    if args.output_embeddings:
        embeddings = read_embeddings(args.embeddings)
        paths = write_embeddings(args.output_embeddings, embeddings.ids, apply_chain(backend, embeddings))
        facts["embeddings"] = str(paths["scp"])
    if args.trials:
        warn("backend apply", "trials are now scored by `speakerssl score --backend FILE`; this will go")
        job = ScoringJob(input_files(args), [args.trials], [args.output], backend_file(args), args.skip_missing)
        done = score_lists(job)[0]
        facts |= {"score": done.meaning, "trials": len(done.trials), "skipped": done.skipped, "output": done.output}
        if done.skipped_file:
            report_skipped("backend apply", done.skipped_file, done.pairs, done.recordings)
            facts["skipped_file"] = done.skipped_file
    print_facts(facts, args.json)
    return 0
