"""The page of a verb says what its `--help` says."""

import argparse

import pytest
import verbs

from speakerssl.cli.main import VERBS, build_parser


def help_words(parser: argparse.ArgumentParser) -> set[str]:
    words = {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}
    for child in verbs.subparsers(parser).values():
        words |= help_words(child)
    return words


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_on_the_page(verb: str) -> None:
    page = verbs.verb_page(verb)
    words = help_words(verbs.subparsers(build_parser(verb))[verb])
    assert words
    assert not [word for word in words if f"`{word}`" not in page]
    assert f"speakerssl {verb}" in page
    assert "%(" not in page


def test_a_table_cell_is_one_line_and_has_no_bar_of_its_own() -> None:
    parser = argparse.ArgumentParser(description="Prose.\n\n  speakerssl x --a b\n")
    parser.add_argument("--mode", choices=["a", "b"], default="a", help="one\n  or other (default %(default)s)")
    assert verbs.row(parser._actions[1]) == "| `--mode` `a\\|b` | `a` | one or other (default a) |"
    assert list(verbs.description(parser.description or "")) == ["Prose.", "```sh\nspeakerssl x --a b\n```"]
