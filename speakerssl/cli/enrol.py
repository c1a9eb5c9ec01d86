"""`speakerssl enrol`: put a speaker into a gallery."""

import argparse

from speakerssl.cli.model_option import add_model_option

DESCRIPTION = """\
Adds recordings of a speaker to a gallery, one SQLite file, which is made on first use. A speaker who is there already
gets the new recordings on top. Several processes may write to one gallery.

  speakerssl enrol --model exp/mini --gallery staff.db --name ana a1.wav a2.wav
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl enrol`."""
    parser.add_argument("recordings", nargs="+", metavar="RECORDING", help="audio files of this speaker")
    parser.add_argument(
        "--gallery", required=True, metavar="FILE", help="an SQLite file, or postgresql://user@host/database"
    )
    parser.add_argument("--name", required=True, help="the speaker's name")
    add_model_option(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... or auto (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Embeds all, then stores all."""
    from speakerssl.embeddings.model import load_model
    from speakerssl.gallery import Gallery

    speaker = Gallery(args.gallery, load_model(args.model, args.device)).enrol(args.name, args.recordings)
    print(f"{args.gallery}: {speaker.name}, {speaker.recordings} recordings in all")
    return 0
