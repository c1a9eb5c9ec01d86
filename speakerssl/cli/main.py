"""`speakerssl VERB`: finds the verb's module, parses, calls one function, turns expected errors into one line.

A verb is a module `speakerssl/cli/<verb>.py` with `DESCRIPTION: str`, `add_arguments(parser)` and
`run(args) -> int` (the exit status). Only the chosen verb's module is imported: scoring never pays for torch.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from speakerssl.cli.executor_option import executor_as_asked
from speakerssl.cli.pipe_option import pipes_as_asked
from speakerssl.constants import FAILURE_FILE
from speakerssl.errors import SpeakerSSLError, missing_package, one_line
from speakerssl.io import check_output, system_reason
from speakerssl.version import __version__

# verb: (module, one line for `speakerssl --help`)
VERBS: dict[str, tuple[str, str]] = {
    "prepare": ("prepare", "make or check a Kaldi data directory from a folder of audio or a wav.scp"),
    "validate": ("validate", "what is wrong with recordings: damage, silence, clipping, duplicates, leaks"),
    "validation": ("validation", "validation trials without labels, made from training recordings"),
    "cross-channel": ("cross_channel", "a trial list with its test side through channels that training never uses"),
    "features": ("features", "store features and augmented copies of data directories for fast training"),
    "shard": ("shard", "put recordings into tar shards for large corpora and object stores"),
    "train": ("train", "train an encoder from a configuration file; no labels needed"),
    "extract": ("extract", "embeddings of every recording in a data directory, as ark/scp and npz"),
    "embed": ("embed", "embeddings of files, folders, lists, segments or RTTM, in the format that is wanted"),
    "stream": ("stream", "embeddings of speech that is still coming in, one a second"),
    "export": ("export", "a model folder as an ONNX file, 8-bit if wanted, or by torch.export"),
    "ivector": ("ivector", "train and extract i-vectors, the classical embedding without labels"),
    "cluster": ("cluster", "group recordings by their embeddings: pseudo-speakers where there are no labels"),
    "clean": ("clean", "score how likely each speaker label is wrong"),
    "floor": ("floor", "the baseline of every report: feature statistics as embeddings, without training"),
    "score": ("score", "score trial lists by cosine or a back-end"),
    "norm": ("norm", "normalize scores with a cohort: Z, T, S and adaptive S"),
    "backend": ("backend", "train, adapt or apply an embedding chain and PLDA"),
    "calibrate": ("calibrate", "turn scores into log-likelihood ratios"),
    "fuse": ("fuse", "fuse the scores of several systems"),
    "metrics": ("metrics", "EER, minDCF, Cllr and more of a score file, with confidence intervals"),
    "compare": ("compare", "is one system better than another on the same trials? (paired bootstrap)"),
    "report": ("report", "one self-contained HTML page about one or several score files"),
    "table": ("table", "one table of several systems on several trial lists, over seeds"),
    "calibrate-model": ("calibrate_model", "what a model's scores mean: thresholds and error rates into its folder"),
    "card": ("card", "the page of a model folder: data, numbers with intervals, thresholds, limits"),
    "verify": ("verify", "do two recordings hold the same speaker? exit status 0 or 1"),
    "enrol": ("enrol", "put a speaker into a gallery"),
    "identify": ("identify", "who of a gallery speaks in a recording, or nobody known"),
    "gallery": ("gallery", "list, rename, forget and export enrolled speakers"),
    "import": ("import_model", "make weights of another toolkit into a model folder"),
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


def complete() -> None:
    """Answers the shell that asks how the line goes on (argcomplete's protocol), and ends; see docs/verbs/index.md."""
    import argcomplete

    words = os.environ.get("COMP_LINE", "").split()
    argcomplete.autocomplete(build_parser(next((word for word in words[1:] if word in VERBS), None)))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; returns 0 (done), 1 (the job failed, wholly or in part) or 2 (wrong input or usage)."""
    if "_ARGCOMPLETE" in os.environ:
        complete()
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = arguments[0] if arguments and arguments[0] in VERBS else None
    args = build_parser(verb).parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names that the terminal's encoding lacks are shown escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        with pipes_as_asked(args), executor_as_asked(args):
            for output in _outputs(args):
                check_output(output)
            status = int(args.run(args) or 0)
        sys.stdout.flush()
        return status
    except SpeakerSSLError as error:
        return _fail(args.verb, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(args.verb, "interrupted", 130)
    except BrokenPipeError:
        return 1
    except ModuleNotFoundError as error:
        missing = missing_package(error)
        if missing is error:
            raise
        return _fail(args.verb, str(missing), 1)
    except MemoryError:
        return _fail(args.verb, "needs more memory than there is", 1)
    except OSError as error:  # what no room has turned into an error of its own
        named = f"{error.filename}: " if error.filename else ""
        return _fail(args.verb, f"{named}{system_reason(error)}", 1)


def _outputs(args: argparse.Namespace) -> list[str]:
    given = getattr(args, "output", None) or []
    return given if isinstance(given, list) else [given]


def _fail(verb: str, reason: str, status: int) -> int:
    line = f"speakerssl {verb}: {one_line(reason)}\n"
    if FAILURE_FILE in os.environ:  # all processes of a group fail alike, and `training.launch` says it once
        with open(os.environ[FAILURE_FILE], "a", encoding="utf-8") as file:
            file.write(line)
    else:
        sys.stderr.write(line)
    return status


if __name__ == "__main__":
    sys.exit(main())
