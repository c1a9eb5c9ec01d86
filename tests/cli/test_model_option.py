"""The option that names a model."""

import argparse

from speakerssl.cli.model_option import DEFAULT, add_model_option
from speakerssl.embeddings.pretrained import pretrained_names


def test_without_the_option_it_is_the_model_of_the_package() -> None:
    parser = argparse.ArgumentParser()
    add_model_option(parser)
    assert parser.parse_args([]).model == DEFAULT
    assert DEFAULT in pretrained_names()
    assert parser.parse_args(["--model", "exp/mini"]).model == "exp/mini"
