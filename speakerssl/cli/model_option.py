"""The option that names a model, of every verb that uses one."""

import argparse

DEFAULT = "open-speech"  # comes with the package; its card says how good it is


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Adds --model: a folder, an ONNX file, or the name of a model that comes with the package."""
    parser.add_argument(
        "--model", default=DEFAULT, metavar="MODEL",
        help=f"model folder, ONNX file (without torch), or a model of the package (default: {DEFAULT})",
    )  # fmt: skip
