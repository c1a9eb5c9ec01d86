"""`speakerssl shard`."""

import argparse
import json
import sys

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.numbers import at_least
from speakerssl.cli.pipe_option import add_pipe_option

DESCRIPTION = """Put recordings into tar shards of the WebDataset layout, audio as compressed as it is.

  speakerssl shard --data data/train --output shards/train --shard-mb 1000
  speakerssl shard --shards shards/train --output shards/small --shard-mb 100
  speakerssl train --config conf/base.yaml --set data.shards=[shards/train] --set data.train=[] --output exp/run

A shard is read in one go, which file systems of clusters and object stores like better than a million small files.
The folder may be served by HTTP or lie in an object store: name its URL in data.shards. From the same recordings the
shards are the same bytes. Interrupted, the command goes on where it was."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    source.add_argument("--shards", nargs="+", metavar="FOLDER", help="shards (folder or URL) to be cut anew")
    parser.add_argument("--output", required=True, metavar="FOLDER", help="where the shards go")
    parser.add_argument("--shard-mb", type=float, default=1000.0, metavar="MB", help="size of a shard (default: 1000)")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one a core)")
    parser.add_argument(
        "--verify", choices=("stat", "content"), default="stat",
        help="what tells that a recording is unchanged since an interrupted run (default: stat)",
    )  # fmt: skip
    add_executor_option(parser)
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.data.kaldi import DataDir
    from speakerssl.data.shard_writer import Source, plan_shards, source_bytes, write_shards
    from speakerssl.data.shards import ShardRecording, ShardSet
    from speakerssl.errors import InputError
    from speakerssl.io import check_folder

    at_least("--jobs", args.jobs, 0)
    if not args.shard_mb > 0:
        raise InputError(f"--shard-mb is {args.shard_mb:g}; it must be above 0")
    check_folder(args.output)
    sources: list[Source] = []
    for path in args.data or []:
        sources += DataDir.read(path).utterances
    for path in args.shards or []:
        shards = ShardSet(path)
        sources += [ShardRecording(shards, place) for place in shards.places]
    ids = [source.id for source in sources]
    if len(set(ids)) < len(ids):
        repeated = next(key for key in ids if ids.count(key) > 1)
        raise InputError(f"shard: the id '{repeated}' comes twice")
    bound = int(args.shard_mb * 1e6)
    total, count = sum(map(source_bytes, sources)), len(plan_shards(sources, bound))
    said = f"{len(sources)} recordings, {total / 1e9:.2f} GB, in {count} shards"
    print(f"{args.output}: {said}", file=sys.stderr)
    write_shards(sources, args.output, bound, args.jobs, args.verify)
    if args.json:
        print(json.dumps({"shards": args.output, "recordings": len(sources), "count": count}))
    else:
        print(f"{said}: {args.output} (training: data.shards)")
    return 0
