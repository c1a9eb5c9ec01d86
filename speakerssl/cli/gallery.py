"""`speakerssl gallery`: list, rename, forget and export enrolled speakers."""

import argparse
import dataclasses
import json

DESCRIPTION = """\
Looks after a gallery. No model is needed.

  speakerssl gallery list staff.db
  speakerssl gallery rename staff.db ana "Ana Lima"
  speakerssl gallery forget staff.db ana
  speakerssl gallery export staff.db staff.npz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `speakerssl gallery`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every speaker, the number of its recordings and when it was enrolled")
    rename = actions.add_parser("rename", help="give a speaker another name")
    forget = actions.add_parser("forget", help="remove a speaker and all its embeddings")
    export = actions.add_parser("export", help="write all embeddings to an npz, which `score` and `cluster` read")
    for action in (listing, rename, forget, export):
        action.add_argument("gallery", metavar="FILE", help="the gallery that `enrol` filled")
    listing.add_argument("--json", action="store_true", help="one JSON object a speaker and line")
    rename.add_argument("name")
    rename.add_argument("new")
    forget.add_argument("name")
    export.add_argument("output", metavar="NPZ")


def run(args: argparse.Namespace) -> int:
    """One action."""
    from pathlib import Path

    from speakerssl.errors import InputError
    from speakerssl.gallery import Gallery
    from speakerssl.gallery.identification import is_address

    if not is_address(args.gallery) and not Path(args.gallery).is_file():
        raise InputError(f"{args.gallery}: does not exist; `speakerssl enrol` makes it")
    gallery = Gallery(args.gallery)
    if args.action == "rename":
        gallery.rename(args.name, args.new)
        print(f"{args.gallery}: '{args.name}' is '{args.new}' now")
    elif args.action == "forget":
        print(f"{args.gallery}: '{args.name}' and {gallery.forget(args.name)} embeddings are forgotten")
    elif args.action == "export":
        print(f"{gallery.export(args.output)}: embeddings of {len(gallery)} speakers")
    else:
        for speaker in gallery.speakers():
            facts = dataclasses.asdict(speaker)
            print(json.dumps(facts, ensure_ascii=False) if args.json else "\t".join(map(str, facts.values())))
    return 0
