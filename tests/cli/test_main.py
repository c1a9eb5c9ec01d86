"""The command line as a whole: help for every verb, quick start, statuses."""

import subprocess
import sys

import pytest

from speakerssl.cli.main import VERBS, main


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert f"speakerssl {verb}" in text.split("options:")[0].replace("usage: ", "", 1)


def test_top_level_help_lists_the_verbs(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(verb in text for verb in VERBS)


def test_unknown_verb_is_a_usage_error(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["trian"])
    assert stopped.value.code == 2
    assert "invalid choice: 'trian'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["score", "norm", "backend", "calibrate", "fuse", "metrics", "compare", "report"])
def test_scoring_verbs_start_without_torch(verb: str) -> None:
    code = f"""
import sys
from speakerssl.cli.main import build_parser
build_parser("{verb}")
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
