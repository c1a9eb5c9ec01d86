"""`speakerssl extract`: embeddings of every recording in a data directory."""

import argparse
import dataclasses
import json
import sys
from typing import TYPE_CHECKING

from speakerssl.cli.engine_option import add_engine_option
from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.cli.recording_options import add_recording_options
from speakerssl.errors import InputError

if TYPE_CHECKING:
    from speakerssl.embeddings.extraction import Extracted

DESCRIPTION = """\
Embeds every recording of a Kaldi data directory and writes OUTPUT/xvector.{ark,scp,npz}, mean_vec.npy and, where
utt2spk is there, spk_xvector.{ark,scp,npz} (each speaker's mean). Embeddings are stored as the encoder gives them,
not length-normalized. A recording that cannot be read is named, listed in OUTPUT/failed.txt and makes the exit
status 1, after all others are done. Stopped and started again, it goes on where it was.

  speakerssl extract --model exp/mini --data data/test --output exp/mini/embeddings/test
  speakerssl extract --model exp/vox --data data/vox1_test --output exp/vox/embeddings/vox1_test \\
      --num-crops 6 --crop-seconds 2 --device auto --batch-seconds 600
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="MODEL", required=True, help="model folder, or an ONNX file (without torch)")
    parser.add_argument("--data", metavar="DATA_DIR", required=True, help="Kaldi data directory")
    parser.add_argument("--output", metavar="DIR", required=True, help="directory for the embeddings")
    parser.add_argument(
        "--num-crops", type=int, metavar="N",
        help="embed N evenly spaced crops and take the mean of their unit vectors; 0 embeds the whole recording "
        "(default: the model's evaluation section, else 0)",
    )  # fmt: skip
    parser.add_argument(
        "--crop-seconds", type=float, metavar="S", help="length of a crop (default: the model's, else 2)"
    )
    parser.add_argument(
        "--batch-seconds", type=float, metavar="S",
        help="audio in a batch, padding included; decides speed and memory only (default: 60 on a GPU; one recording "
        "at a time on a CPU, where padding costs more than it saves)",
    )  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... or auto (default: cpu)")
    add_engine_option(parser)
    parser.add_argument(
        "--jobs", type=int, metavar="N",
        help="processes on the CPU (default: one a core, fewer when there is little to do)",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads a process (default: 1)")
    add_recording_options(parser)
    parser.add_argument("--no-resume", action="store_true", help="compute all again, also what an earlier run has done")
    add_executor_option(parser)
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.embeddings.extraction import extract
    from speakerssl.embeddings.extraction_plan import ExtractionOptions

    for name in ("batch_seconds", "threads", "jobs"):
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise InputError(f"--{name.replace('_', '-')} is {value}; it must be above 0")
    options = ExtractionOptions(
        args.num_crops, args.crop_seconds, args.batch_seconds, args.device, args.jobs, args.threads,
        resume=not args.no_resume, on_no_speech=args.on_no_speech, verify=args.verify, engine=args.engine,
    )  # fmt: skip
    done = extract(args.model, args.data, args.output, options)
    for reason in done.failed.values():
        print(reason, file=sys.stderr)
    print(json.dumps(dataclasses.asdict(done), indent=1) if args.json else _summary(done))
    return 1 if done.failed else 0


def _summary(done: "Extracted") -> str:
    earlier = f" ({done.resumed} of them by an earlier run)" if done.resumed else ""
    lines = [f"{done.files['xvector.scp']}: {done.recordings} embeddings of {done.dim} numbers{earlier}"]
    if done.speakers is not None:
        lines.append(f"{done.files['spk_xvector.scp']}: means of {done.speakers} speakers")
    if done.failed:
        lines.append(f"{done.output}/failed.txt: {len(done.failed)} recordings that could not be embedded")
    return "\n".join(lines)
