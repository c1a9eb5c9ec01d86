"""`speakerssl features`."""

import argparse
import json
import sys
from pathlib import Path

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.numbers import at_least
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.cli.recording_options import add_recording_options

DESCRIPTION = """Store log-mel features of data directories, clean and in augmented copies, for fast training.

  speakerssl features --config conf/snt_xent_am.yaml --data data/train --copies 8 --output exp/store

Where the network is small, rooms, noises and FBank cost more than training itself; a store pays for them once.
The configuration's `features` and `augment` sections say what is stored. Interrupted, it goes on where it was.

On several machines without a scheduler, all of which see the folders, each with its own part:

  speakerssl features --config C --data D --output exp/store --part 2/4      and 1/4, 3/4, 4/4
  speakerssl features --config C --data D --output exp/store                 then puts them together"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, metavar="YAML", help="a training configuration")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of its keys")
    parser.add_argument("--data", required=True, nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    parser.add_argument("--output", required=True, metavar="STORE", help="the folder of the store")
    parser.add_argument("--copies", type=int, default=8, help="augmented copies of each recording (default: 8)")
    parser.add_argument("--exclude", metavar="FILE", help="recording ids to leave out, one a line")
    parser.add_argument("--seed", type=int, default=0, help="seed of the augmentation (default: 0)")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one a core)")
    parser.add_argument(
        "--part", metavar="I/N",
        help="write the I-th of N parts of the work alone; run without it afterwards to put the parts together",
    )  # fmt: skip
    add_executor_option(parser)
    add_pipe_option(parser)
    add_recording_options(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.config import load_config
    from speakerssl.io import check_folder, read_text
    from speakerssl.training.store_shares import Share
    from speakerssl.training.store_writer import StoreJob, estimate_store, write_share, write_store

    at_least("--jobs", args.jobs, 0)
    at_least("--copies", args.copies, 0)
    share = Share.read(args.part) if args.part else None
    config = load_config(args.config, args.set)
    exclude = read_text(args.exclude).split() if args.exclude else []
    job = StoreJob(
        tuple(args.data), config.features, config.augment, args.seed, str(Path(args.output) / "cache"),
        tuple(exclude), args.on_no_speech, args.verify,
    )  # fmt: skip
    check_folder(args.output)
    size = estimate_store(job, args.copies)
    print(
        f"{args.output}: {size.recordings} recordings, {size.seconds / 3600:.2f} hours in {args.copies + 1} copies: "
        f"about {size.num_bytes / 1e9:.2f} GB, twice that while it is made",
        file=sys.stderr,
    )
    if share is not None:
        count = write_share(job, args.output, args.copies, share, args.jobs)
        done = {"parts": str(share.folder(Path(args.output))), "recordings": count}
        print(json.dumps(done) if args.json else f"part {args.part}: features of {count} recordings: {done['parts']}")
        return 0
    count = write_store(job, args.output, args.copies, args.jobs)
    if args.json:
        print(json.dumps({"store": args.output, "recordings": count, "copies": args.copies + 1}))
    else:
        print(f"features of {count} recordings, clean and in {args.copies} augmented copies: {args.output}")
    return 0
