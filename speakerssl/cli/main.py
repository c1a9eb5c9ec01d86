"""`speakerssl VERB`: finds the verb's module, parses, calls one function, turns expected errors into one line.

A verb is a module `speakerssl/cli/<verb>.py` with `DESCRIPTION: str`, `add_arguments(parser)` and
`run(args) -> int` (the exit status). Only the chosen verb's module is imported: scoring never pays for torch.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from speakerssl.errors import SpeakerSSLError
from speakerssl.version import __version__

# verb: (module, one line for `speakerssl --help`)
VERBS: dict[str, tuple[str, str]] = {
    "prepare": ("prepare", "make or check a Kaldi data directory from a folder of audio or a wav.scp"),
    "validation": ("validation", "validation trials without labels, made from training recordings"),
    "features": ("features", "store features and augmented copies of data directories for fast training"),
    "train": ("train", "train an encoder from a configuration file; no labels needed"),
    "extract": ("extract", "embeddings of every recording in a data directory, as ark/scp and npz"),
    "ivector": ("ivector", "train and extract i-vectors, the classical embedding without labels"),
    "cluster": ("cluster", "group recordings by their embeddings: pseudo-speakers where there are no labels"),
    "clean": ("clean", "score how likely each speaker label is wrong"),
    "floor": ("floor", "embeddings without training: the feature-statistics floor of every report"),
    "score": ("score", "score trial lists by cosine"),
    "norm": ("norm", "normalize scores with a cohort: Z, T, S and adaptive S"),
    "backend": ("backend", "train or apply an embedding chain and PLDA"),
    "calibrate": ("calibrate", "turn scores into log-likelihood ratios"),
    "fuse": ("fuse", "fuse the scores of several systems"),
    "metrics": ("metrics", "EER, minDCF, Cllr and more of a score file, with confidence intervals"),
    "compare": ("compare", "is one system better than another on the same trials? (paired bootstrap)"),
    "report": ("report", "one self-contained HTML page about one or several score files"),
    "table": ("table", "one table of several systems on several trial lists, over seeds"),
    "calibrate-model": ("calibrate_model", "what a model's scores mean: thresholds and error rates into its folder"),
    "verify": ("verify", "do two recordings hold the same speaker? exit status 0 or 1"),
    "enrol": ("enrol", "put a speaker into a gallery"),
    "identify": ("identify", "who of a gallery speaks in a recording, or nobody known"),
    "gallery": ("gallery", "list, rename, forget and export enrolled speakers"),
    "info": ("info", "what a model, a data directory or this installation is"),
}


def build_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser with every verb named and the arguments of `verb` alone loaded."""
    parser = argparse.ArgumentParser(
        prog="speakerssl",
        description="Self-supervised speaker verification: train without labels, extract, score, report.",
        epilog="`speakerssl VERB --help` explains a verb.",
    )
    parser.add_argument("--version", action="version", version=f"speakerssl {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module_name, line) in VERBS.items():
        if verb is not None and name != verb:
            verbs.add_parser(name, help=line, add_help=False)
            continue
        child = verbs.add_parser(name, help=line, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == verb:
            module = importlib.import_module(f"speakerssl.cli.{module_name}")
            child.description = module.DESCRIPTION
            module.add_arguments(child)
            child.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; returns 0 (done), 1 (the job failed, wholly or in part) or 2 (wrong input or usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = arguments[0] if arguments and arguments[0] in VERBS else None
    args = build_parser(verb).parse_args(arguments)
    try:
        return int(args.run(args) or 0)
    except SpeakerSSLError as error:
        print(f"speakerssl {args.verb}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"speakerssl {args.verb}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
