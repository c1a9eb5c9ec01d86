"""The options that all verbs with metrics share."""

import argparse
from typing import TYPE_CHECKING

from speakerssl.errors import InputError

if TYPE_CHECKING:
    from speakerssl.metrics.summary import SummaryOptions

P_TARGETS = (0.01, 0.05)
FALSE_ALARMS = (0.001, 0.01)


def add_p_target_argument(parser: argparse.ArgumentParser) -> None:
    """`--p-target`, a list in every verb."""
    parser.add_argument(
        "--p-target", type=float, nargs="+", action="extend", metavar="P",
        help="priors of a target trial in the detection cost; the first one is `min_dcf` (default: 0.01 0.05)",
    )  # fmt: skip


def add_cost_arguments(parser: argparse.ArgumentParser) -> None:
    """`--p-target`, `--c-miss`, `--c-fa` and `--false-alarm`."""
    add_p_target_argument(parser)
    parser.add_argument("--c-miss", type=float, default=1.0, metavar="C", help="cost of a miss (default: 1)")
    parser.add_argument("--c-fa", type=float, default=1.0, metavar="C", help="cost of a false alarm (default: 1)")
    parser.add_argument(
        "--false-alarm", type=float, nargs="+", action="extend", metavar="P",
        help="report precision and recall at these false-alarm rates (default: 0.001 0.01)",
    )  # fmt: skip


def add_bootstrap_arguments(parser: argparse.ArgumentParser, default: int) -> None:
    """`--utt2spk`, `--bootstrap`, `--seed` and `--level`."""
    parser.add_argument(
        "--utt2spk", metavar="FILE",
        help="speaker of each recording (default: the first path part of ids such as id10270/video/00001.wav)",
    )  # fmt: skip
    parser.add_argument(
        "--bootstrap", type=int, default=default, metavar="N",
        help=f"draws of speakers for confidence intervals; 1000 is usual (default: {default})",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the draws (default: 0)")
    parser.add_argument(
        "--level", type=float, default=0.95, metavar="L", help="confidence level of intervals (default: 0.95)"
    )


def add_strip_suffix_argument(parser: argparse.ArgumentParser) -> None:
    """`--strip-suffix`, in every verb that joins lists by their ids."""
    parser.add_argument(
        "--strip-suffix", nargs="*", metavar="SUFFIX",
        help="drop these endings (.wav, ...; without any: those of all usual recordings) from the ids of every list",
    )  # fmt: skip


def suffixes_to_strip(args: argparse.Namespace) -> tuple[str, ...]:
    """What `--strip-suffix` drops: nothing where it was not given."""
    from speakerssl.trials.id_differences import SUFFIXES

    given = getattr(args, "strip_suffix", None)
    return () if given is None else tuple(given) or SUFFIXES


def p_targets_of(args: argparse.Namespace) -> tuple[float, ...]:
    """The priors. Raises InputError for one that is none."""
    return _fractions("p-target", args.p_target or P_TARGETS)


def summary_options(args: argparse.Namespace) -> "SummaryOptions":
    """The options as `summarize` takes them. Raises InputError for one out of its range."""
    from speakerssl.metrics.summary import SummaryOptions

    priors, alarms = p_targets_of(args), _fractions("false-alarm", args.false_alarm or FALSE_ALARMS)
    (level,) = _fractions("level", [getattr(args, "level", 0.95)])
    for name, value in (("c-miss", args.c_miss), ("c-fa", args.c_fa)):
        if not value > 0:
            raise InputError(f"--{name} is {value}; it must be above 0")
    count = getattr(args, "bootstrap", 0)
    if count < 0 or getattr(args, "seed", 0) < 0:
        raise InputError("--bootstrap and --seed must not be negative")
    return SummaryOptions(priors, args.c_miss, args.c_fa, alarms, count, getattr(args, "seed", 0), level)


def _fractions(name: str, values: "list[float] | tuple[float, ...]") -> tuple[float, ...]:
    """The values of an option, once each. Raises InputError for one that does not lie between 0 and 1."""
    for value in values:
        if not 0 < value < 1:
            raise InputError(f"--{name} is {value}; it must lie between 0 and 1")
    return tuple(dict.fromkeys(values))
