"""`speakerssl train`."""

import argparse
import json
import os

from speakerssl.cli.numbers import at_least
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.errors import InputError

DESCRIPTION = """Train an encoder without labels, from a YAML configuration.

  speakerssl train --config conf/snt_xent_am.yaml --output exp/snt_xent_am
  speakerssl train --config conf/base.yaml --set loss.temperature=0.1 --set training.seed=1 --output exp/t01
  speakerssl train --config conf/rows.yaml --row dino --output exp/dino
  speakerssl train --config conf/base.yaml --processes 4 --output exp/ddp
  speakerssl train --config conf/base.yaml --dry-run

Several processes share each batch, and negatives come from all of them; `torchrun --nproc-per-node 4 -m
speakerssl.cli.main train ...` starts them too, on several machines if need be.

Stopped at any point (even killed) and started again with the same command, training goes on from its last
checkpoint to the very same weights. The output directory is then a model for `speakerssl extract`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, metavar="YAML", help="the configuration; see recipes/*/conf")
    parser.add_argument("--row", metavar="NAME", help="one of the `rows` of the configuration")
    parser.add_argument("--output", metavar="EXP_DIR", help="where model, log and checkpoints go")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one key of the configuration, e.g. training.batch_size=128; may be repeated",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto, a GPU where there is one)")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="training processes on this machine, one a GPU or core"
    )
    parser.add_argument(
        "--init-only", action="store_true", help="write the untrained model, the baseline of every report, and stop"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print steps, learning rates, positives and negatives a step, and stop; nothing is trained or written",
    )
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    at_least("--processes", args.processes, 1)
    if args.output is None and not args.dry_run:
        raise InputError("--output: name the directory of the run")
    from speakerssl.config import load_config
    from speakerssl.training.build import initialize, train
    from speakerssl.training.distributed import choose_place
    from speakerssl.training.dry_run import describe_run, format_run
    from speakerssl.training.launch import launch

    config = load_config(args.config, args.set, args.row)
    choose_place(args.device)
    if args.dry_run:
        described = describe_run(config, args.processes)
        print(json.dumps(described, indent=1) if args.json else format_run(described))
        return 0
    if args.processes > 1 and "RANK" not in os.environ:
        return launch(arguments_again(args), args.processes)
    output = initialize(config, args.output) if args.init_only else train(config, args.output, args.device)
    if os.environ.get("RANK", "0") != "0":
        return 0
    suspects = f"{output}/suspect_labels" if config.method.get("aum") is not None and not args.init_only else None
    if args.json:
        print(json.dumps({"model": str(output), **({} if suspects is None else {"suspect_labels": suspects})}))
    else:
        print(f"model: {output}/model.safetensors (embeddings: speakerssl extract --model {output} ...)")
        if suspects is not None:
            print(f"{suspects}: how likely each label is wrong")
    return 0


def arguments_again(args: argparse.Namespace) -> list[str]:
    """The command line of each process."""
    overrides = [word for override in args.set for word in ("--set", override)]
    words = ["train", "--config", args.config, "--output", args.output, "--device", args.device, *overrides]
    return [*words, *(["--row", args.row] if args.row else []), *(["--json"] if args.json else [])]
