"""`speakerssl stream`: embeddings of speech that is still coming in."""

import argparse
import json
import sys
from contextlib import nullcontext
from typing import Any

from speakerssl.cli.model_option import add_model_option
from speakerssl.constants import SAMPLE_RATE

DESCRIPTION = """\
Reads raw PCM samples from standard input, or from a file that may still be growing, and prints a JSON line every
second: begin and end in seconds, and the unit vector of the last seconds; null with the reason where there is no
speech. Memory stays what it is however long it runs.

  arecord -q -t raw -f S16_LE -r 16000 -c 1 | speakerssl stream --model exp/mini
  ffmpeg -v error -i call.m4a -f s16le -ar 16000 -ac 1 - | speakerssl stream --model model.onnx --window 4
  speakerssl stream --model exp/mini --input line1.pcm --sample-rate 8000 --follow
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl stream`."""
    add_model_option(parser)
    parser.add_argument("--input", metavar="FILE", help="file of raw samples (default: standard input)")
    parser.add_argument("--follow", action="store_true", help="with --input: wait for more at the end of the file")
    parser.add_argument(
        "--sample-rate", type=int, default=SAMPLE_RATE, metavar="HZ", help=f"of the samples (default: {SAMPLE_RATE})"
    )
    parser.add_argument(
        "--format", choices=("s16le", "s32le", "f32le"), default="s16le", help="of a sample (default: s16le)"
    )
    parser.add_argument("--channels", type=int, default=1, metavar="N", help="mixed to their mean (default: 1)")
    parser.add_argument("--window", type=float, default=3.0, metavar="S", help="seconds that are embedded (default: 3)")
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="seconds between lines (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Reads, embeds, prints, until the input ends."""
    from speakerssl.embeddings.model import load_model
    from speakerssl.embeddings.streaming import StreamEmbedder, open_growing, read_stream
    from speakerssl.errors import InputError

    if args.follow and args.input is None:
        raise InputError("--follow waits for a file to grow; name it with --input")
    embedder = StreamEmbedder(load_model(args.model), args.sample_rate, args.window, args.every)
    source = nullcontext(sys.stdin.buffer) if args.input is None else open_growing(args.input)
    idle = None if args.follow else 0.0
    with source as file:
        for samples in read_stream(file, args.format, args.channels, args.sample_rate, idle):
            for found in embedder.feed(samples):
                line: dict[str, Any] = {"begin": round(found.begin, 3), "end": round(found.end, 3), "embedding": None}
                if found.embedding is None:
                    line["reason"] = found.reason
                else:
                    line["embedding"] = [float(str(value)) for value in found.embedding]
                print(json.dumps(line), flush=True)
    return 0
