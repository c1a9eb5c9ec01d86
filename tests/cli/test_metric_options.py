"""The options that all verbs with metrics share."""

import argparse

import pytest

from speakerssl.cli.metric_options import (
    P_TARGETS,
    add_bootstrap_arguments,
    add_cost_arguments,
    add_strip_suffix_argument,
    p_targets_of,
    suffixes_to_strip,
    summary_options,
)
from speakerssl.errors import InputError
from speakerssl.metrics.summary import SummaryOptions
from speakerssl.trials.id_differences import SUFFIXES


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_cost_arguments(parser)
    add_bootstrap_arguments(parser, default=0)
    add_strip_suffix_argument(parser)
    return parser.parse_args(words)


def test_priors_come_one_by_one_or_together_once_each() -> None:
    assert p_targets_of(parsed()) == P_TARGETS == (0.01, 0.05)
    words = ("--p-target", "0.2", "0.01", "--p-target", "0.2", "--p-target", "0.3")
    assert p_targets_of(parsed(*words)) == (0.2, 0.01, 0.3)


def test_suffixes_to_strip() -> None:
    assert suffixes_to_strip(parsed()) == ()
    assert suffixes_to_strip(parsed("--strip-suffix")) == SUFFIXES
    assert suffixes_to_strip(parsed("--strip-suffix", ".a", ".b")) == (".a", ".b")
    assert suffixes_to_strip(argparse.Namespace()) == ()  # a verb without the option


def test_all_is_taken_over() -> None:
    words = ("--p-target", "0.2", "--c-miss", "10", "--c-fa", "2", "--false-alarm", "0.3", "--bootstrap", "7",
             "--seed", "3", "--level", "0.9")  # fmt: skip
    assert summary_options(parsed(*words)) == SummaryOptions((0.2,), 10.0, 2.0, (0.3,), 7, 3, 0.9)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--p-target", "1.5"], "--p-target is 1.5; it must lie between 0 and 1"),
        (["--p-target", "nan"], "--p-target is nan"),
        (["--false-alarm", "0"], "--false-alarm is 0.0"),
        (["--level", "1"], "--level is 1.0"),
        (["--c-fa", "0"], "--c-fa is 0.0; it must be above 0"),
        (["--c-miss", "-1"], "--c-miss is -1.0; it must be above 0"),
        (["--bootstrap", "-1"], "must not be negative"),
        (["--seed", "-1"], "must not be negative"),
    ],
)
def test_what_is_out_of_range_is_named(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        summary_options(parsed(*words))
