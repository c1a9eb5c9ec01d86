"""`--executor`, the same in every verb that maps over recordings; `cli.main` acts on it."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from speakerssl.errors import InputError
from speakerssl.executors import DEFAULT_JOBS, EXECUTORS, on_executor


def add_executor_option(parser: argparse.ArgumentParser, jobs: bool = False) -> None:
    """Adds --executor and --executor-option, and with `jobs` a --jobs that counts for other executors alone."""
    if jobs:
        parser.add_argument(
            "--jobs", type=int, default=DEFAULT_JOBS, metavar="N",
            help=f"jobs of another --executor than local, which uses threads (default: {DEFAULT_JOBS})",
        )  # fmt: skip
    parser.add_argument(
        "--executor", choices=EXECUTORS, default="local",
        help="where the work runs: processes on this machine, or --jobs jobs of Slurm or tasks of a Ray cluster "
        "(default: local)",
    )  # fmt: skip
    parser.add_argument(
        "--executor-option", action="append", default=[], metavar="KEY=VALUE",
        help="of slurm: folder=DIR for the jobs' files, slurm_partition=..., timeout_min=..., mem_gb=...; of ray: "
        "address=HOST:PORT, cpus_per_task=..., mem_gb=...; repeatable",
    )  # fmt: skip


@contextmanager
def executor_as_asked(args: argparse.Namespace) -> Iterator[None]:
    """Work inside the block runs where the verb's options say. Raises InputError."""
    options = {}
    for text in getattr(args, "executor_option", []):
        key, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"--executor-option {text}: expected KEY=VALUE")
        options[key] = value
    with on_executor(getattr(args, "executor", "local"), options, max(1, getattr(args, "jobs", None) or DEFAULT_JOBS)):
        yield
