"""Options that `norm` and `backend apply` share: what is compared, and what happens to what is missing."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.errors import InputError
from speakerssl.io import write_text
from speakerssl.kernels import run_all
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.enrolment import read_enrolment, read_num_utts
from speakerssl.scoring.trial_vectors import Complete, TrialVectors, drop_missing, prepare_sides
from speakerssl.trials.trial_list import Trials, read_trials

SHOWN = 10


def add_side_arguments(parser: argparse.ArgumentParser) -> None:
    """`--enrol-models`, `--enrol-embeddings`, `--num-utts`, `--skip-missing` and `--json`."""
    parser.add_argument(
        "--enrol-models",
        metavar="SPK2UTT",
        help="enrolment models of several recordings: `model recording ...` lines; averaged after the chain",
    )
    parser.add_argument(
        "--enrol-embeddings",
        metavar="FILE",
        help="embeddings of the enrolment side, averaged already (default: those of --embeddings)",
    )
    parser.add_argument(
        "--num-utts",
        metavar="FILE",
        help="`model count` lines: recordings in each average of --enrol-embeddings, for PLDA (default 1 each)",
    )
    parser.add_argument(
        "--skip-missing",
        action="store_true",
        help="leave out trials without embedding or score, and list them in OUTPUT.skipped (default: stop)",
    )
    add_json_argument(parser)


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print what was done as one JSON object")


def read_both(embeddings: str, trials: str) -> tuple[Embeddings, Trials]:
    """Embeddings and trial list, read at the same time."""
    tasks: list[Callable[[], object]] = [partial(read_embeddings, embeddings), partial(read_trials, trials)]
    results = run_all(tasks)
    return cast(tuple[Embeddings, Trials], tuple(results))


def load_sides(
    args: argparse.Namespace, trials: Trials, embeddings: Embeddings, backend: Backend
) -> tuple[TrialVectors, Complete]:
    """The sides of the trials that can be scored, and what that leaves."""
    if args.enrol_models and args.enrol_embeddings:
        raise InputError("--enrol-models and --enrol-embeddings both say what the enrolments are; give one")
    if args.num_utts and not args.enrol_embeddings:
        raise InputError("--num-utts counts the recordings of --enrol-embeddings; give that too")
    models = read_enrolment(args.enrol_models) if args.enrol_models else None
    enrolled = read_embeddings(args.enrol_embeddings) if args.enrol_embeddings else None
    counts = read_num_utts(args.num_utts) if args.num_utts else None
    kept = Complete(trials, models, [], [])
    if args.skip_missing:
        kept = drop_missing(trials, embeddings, models, enrolled)
    return prepare_sides(kept.trials, embeddings, backend, kept.models, enrolled, counts), kept


def report_skipped(
    verb: str, output: str | Path, pairs: list[tuple[str, str]], recordings: Sequence[str] = ()
) -> dict[str, str]:
    """Lists skipped pairs (and recordings of models) in OUTPUT.skipped; the first ones on standard error too."""
    lines = [f"{enrol} {test}" for enrol, test in pairs] + list(recordings)
    if not lines:
        return {}
    path = f"{output}.skipped"
    write_text(path, "\n".join(lines) + "\n")
    what = f"{len(pairs)} trials" + (f" and {len(recordings)} recordings of models" if recordings else "")
    print(f"speakerssl {verb}: skipped {what}, all listed in {path}; the first:", file=sys.stderr)
    for line in lines[:SHOWN]:
        print(f"  {line}", file=sys.stderr)
    return {"skipped_file": path}


def print_facts(facts: dict[str, Any], as_json: bool) -> None:
    """Prints what was done: one JSON object, or one `name: value` line a fact."""
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    for name, value in facts.items():
        shown = f"{value:.6g}" if isinstance(value, float) else value
        print(f"{name.replace('_', ' ')}: {shown}")
