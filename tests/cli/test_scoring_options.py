"""Options of what is compared, and how results and left-out trials are printed."""

import argparse
import json

import pytest

from speakerssl.cli import scoring_options
from speakerssl.cli.metric_options import add_strip_suffix_argument
from speakerssl.scoring.backend_file import BackendFile
from speakerssl.scoring.scoring_inputs import InputFiles


def test_all_is_taken_over() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--embeddings")
    parser.add_argument("--average", default="embeddings")
    scoring_options.add_enrolment_arguments(parser)
    scoring_options.add_backend_arguments(parser)
    add_strip_suffix_argument(parser)
    words = ["--embeddings", "e", "--enrol-embeddings", "f", "--enrol-models", "m", "--num-utts", "n", "--average",
             "scores", "--backend", "b", "--plda-normalization", "simple", "--center", "auto"]  # fmt: skip
    args = parser.parse_args(words)
    assert scoring_options.input_files(args) == InputFiles("e", "f", "m", "scores", "n", ())
    assert scoring_options.backend_file(args) == BackendFile("b", "simple", "auto")


def test_facts_are_lines_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"score": "cosine", "cllr_bits": 0.123456789, "trials": 1234567}
    scoring_options.print_facts(facts, as_json=False)
    assert capsys.readouterr().out == "score: cosine\ncllr bits: 0.123457\ntrials: 1234567\n"
    scoring_options.print_facts(facts, as_json=True)
    assert json.loads(capsys.readouterr().out) == facts


def test_the_first_of_what_is_skipped_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    scoring_options.report_skipped("score", None, [])
    assert capsys.readouterr().err == ""
    scoring_options.report_skipped("score", "s.skipped", [(f"e{n}", "t") for n in range(40)], ["r"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "speakerssl score: skipped 40 trials and 1 recordings of models, all listed in s.skipped; the first:"
    )
    assert lines[1:] == [f"  e{n} t" for n in range(scoring_options.SHOWN)]
    scoring_options.report_skipped("score", "s.skipped", [], ["r"])
    assert capsys.readouterr().err.splitlines()[1:] == ["  r"]
