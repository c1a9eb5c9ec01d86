"""`--engine`, the same in every verb that embeds many recordings."""

import argparse


def add_engine_option(parser: argparse.ArgumentParser) -> None:
    """Adds --engine."""
    parser.add_argument(
        "--engine", choices=("auto", "torch", "folded", "bf16", "onnx", "openvino", "openvino-bf16"), default="auto",
        help="what computes the network on a CPU: torch as it is, the network arranged for a CPU (folded), "
        "in bfloat16 where the processor has it, onnxruntime, or OpenVINO (extra `openvino`) in either precision; "
        "auto measures for about a second where there is enough to do, and says what it chose (default: auto)",
    )  # fmt: skip
