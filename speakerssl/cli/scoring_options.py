"""What `score`, `norm` and the verbs after them share: options of what is compared, and how a result is printed."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from speakerssl.cli.metric_options import suffixes_to_strip
from speakerssl.scoring.backend_options import PLDA_NORMALIZATIONS

if TYPE_CHECKING:
    from speakerssl.scoring.backend_file import BackendFile
    from speakerssl.scoring.scoring_inputs import InputFiles

SHOWN = 10
BACKEND_HELP = "back-end npz, Kaldi plda or mean_vec.npy"
PLDA_NORMALIZATION_HELP = (
    "length normalization inside PLDA: `length` is Kaldi's --normalize-length=true, `simple` its "
    "--simple-length-normalization=true, `none` no normalization"
)


def add_enrolment_arguments(parser: argparse._ActionsContainer) -> None:
    """`--enrol-embeddings`, `--enrol-models` and `--num-utts`."""
    parser.add_argument(
        "--enrol-embeddings",
        metavar="FILE",
        help="embeddings of the enrolment side: recordings, or averages already (default: those of --embeddings)",
    )
    parser.add_argument(
        "--enrol-models",
        metavar="SPK2UTT",
        help="enrolment ids are models of several recordings: `model recording ...` lines, Kaldi's spk2utt",
    )
    parser.add_argument(
        "--num-utts",
        metavar="FILE",
        help="`model count` lines: recordings in each average of --enrol-embeddings, for PLDA (default: 1 each)",
    )


def add_backend_arguments(parser: argparse.ArgumentParser) -> None:
    """`--backend`, `--plda-normalization` and `--center`."""
    parser.add_argument("--backend", metavar="FILE", help=f"{BACKEND_HELP} (default: cosine of the embeddings)")
    parser.add_argument(
        "--plda-normalization",
        choices=PLDA_NORMALIZATIONS,
        help=f"{PLDA_NORMALIZATION_HELP} (default: as trained; `length` for a Kaldi plda)",
    )
    parser.add_argument(
        "--center",
        metavar="auto|FILE",
        help="subtract a mean first: `auto` that of the list's own embeddings, FILE that of the embeddings in it (an "
        "unlabelled set of the same domain), or the mean itself (.npy or Kaldi's mean.vec)",
    )


def add_skip_missing(parser: argparse._ActionsContainer) -> None:
    """`--skip-missing`."""
    parser.add_argument(
        "--skip-missing",
        action="store_true",
        help="leave out trials without embedding or score, and list them in OUTPUT.skipped (default: stop)",
    )


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print what was done as one JSON object")


def input_files(args: argparse.Namespace) -> "InputFiles":
    """The input files of the command line."""
    from speakerssl.scoring.scoring_inputs import InputFiles

    average = getattr(args, "average", "embeddings")
    return InputFiles(
        args.embeddings, args.enrol_embeddings, args.enrol_models, average, args.num_utts, suffixes_to_strip(args)
    )


def backend_file(args: argparse.Namespace) -> "BackendFile":
    """The back-end of the command line."""
    from speakerssl.scoring.backend_file import BackendFile

    return BackendFile(args.backend, args.plda_normalization, args.center)


def warn(verb: str, message: str) -> None:
    """One line on standard error."""
    print(f"speakerssl {verb}: {message}", file=sys.stderr)


def report_skipped(
    verb: str, path: str | None, pairs: Sequence[tuple[str, str]], recordings: Sequence[str] = ()
) -> None:
    """Says on standard error what was left out and listed in `path`, and shows the first."""
    if path is None:
        return
    what = f"{len(pairs)} trials" + (f" and {len(recordings)} recordings of models" if recordings else "")
    warn(verb, f"skipped {what}, all listed in {path}; the first:")
    for line in [f"{enrol} {test}" for enrol, test in pairs[:SHOWN]] or recordings[:SHOWN]:
        print(f"  {line}", file=sys.stderr)


def print_facts(facts: dict[str, Any], as_json: bool) -> None:
    """Prints what was done: one JSON object, or one `name: value` line a fact."""
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    for name, value in facts.items():
        shown = f"{value:.6g}" if isinstance(value, float) else value
        print(f"{name.replace('_', ' ')}: {shown}")
