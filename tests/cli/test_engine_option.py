"""`--engine` offers every engine that there is."""

import argparse

import pytest

from speakerssl.cli.engine_option import add_engine_option
from speakerssl.embeddings.engines import AUTO, ENGINES


def test_every_engine_can_be_named() -> None:
    parser = argparse.ArgumentParser()
    add_engine_option(parser)
    assert parser.parse_args([]).engine == AUTO
    for name in (AUTO, *ENGINES):
        assert parser.parse_args(["--engine", name]).engine == name
    with pytest.raises(SystemExit):
        parser.parse_args(["--engine", "fast"])
