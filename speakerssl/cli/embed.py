"""`speakerssl embed`: embeddings of whatever is named, in the format that is wanted."""

import argparse
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from speakerssl.cli.engine_option import add_engine_option
from speakerssl.cli.model_option import add_model_option
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.cli.recording_options import add_recording_options
from speakerssl.errors import InputError

if TYPE_CHECKING:
    from speakerssl.embeddings.embed_files import Row

DESCRIPTION = """\
Embeds files, folders, data directories, wav.scp, lists (.txt, .lst: a path or `id path` a line), segments and RTTM
files. --output decides the format by its suffix: .ark or .scp (Kaldi, npz beside it), .npz, .npy (ids beside it),
.parquet, .csv, .jsonl, .txt. Without --output one JSON object a line is printed as each is done. Unit vectors are
written, so that a product is a cosine (--raw: as the encoder gives them). Stopped and started again, it goes on
where it was. A recording that cannot be read is named, and makes the exit status 1 after all others are done.

  speakerssl embed --model exp/mini a.wav b.flac
  speakerssl embed --model exp/mini --output voices.parquet ~/recordings
  speakerssl embed --model model.onnx --output turns.npz meeting.rttm --audio ~/meetings
  speakerssl embed --model exp/mini --window 3 --step 1.5 --output meeting.npz meeting.wav
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl embed`."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="files, folders, lists, segments, RTTM")
    add_model_option(parser)
    parser.add_argument("--output", metavar="FILE", help="file to write; its suffix is the format (default: print)")
    parser.add_argument(
        "--audio", metavar="PATH", help="where the recordings of segments and RTTM are: a wav.scp or a folder"
    )
    parser.add_argument("--raw", action="store_true", help="embeddings as the encoder gives them, not of length 1")
    parser.add_argument(
        "--window", type=float, metavar="S",
        help="embed windows of S seconds of each recording (ids get -BEGIN-END in milliseconds)",
    )  # fmt: skip
    parser.add_argument("--step", type=float, metavar="S", help="seconds between windows (default: half a window)")
    parser.add_argument(
        "--vad", choices=("energy", "silero", "none"), default="energy",
        help="with --window: what finds speech; silero needs the extra of that name (default: energy)",
    )  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... or auto (default: cpu)")
    add_engine_option(parser)
    parser.add_argument("--jobs", type=int, metavar="N", help="processes on the CPU (default: one a core)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads a process (default: 1)")
    add_recording_options(parser)
    add_pipe_option(parser)


def run(args: argparse.Namespace) -> int:
    """Finds the recordings, embeds, writes."""
    from speakerssl.data.sources import read_sources

    if args.threads < 1 or (args.jobs is not None and args.jobs < 1):
        raise InputError("--threads and --jobs must be 1 or more")
    if args.output is not None:
        from speakerssl.embeddings.outputs import check_format

        check_format(args.output)
    directory = read_sources(args.sources, args.audio)
    if args.window is not None:
        from speakerssl.embeddings.embed_files import embed_windows_of

        step = args.window / 2 if args.step is None else args.step
        rows = embed_windows_of(args.model, directory, args.window, step, args.vad, args.device)
        return _finish(rows, args.output)
    if args.output is None:
        from speakerssl.embeddings.embed_files import embed_one_by_one

        return _finish(embed_one_by_one(args.model, directory, args.raw, args.device, args.on_no_speech), None)
    from speakerssl.embeddings.embed_files import embed_to_file
    from speakerssl.embeddings.extraction_plan import ExtractionOptions

    options = ExtractionOptions(
        device=args.device, jobs=args.jobs, threads=args.threads, on_no_speech=args.on_no_speech, verify=args.verify,
        engine=args.engine,
    )  # fmt: skip
    done = embed_to_file(args.model, directory, args.output, args.raw, options)
    for reason in done.failed.values():
        print(reason, file=sys.stderr)
    print(f"{', '.join(done.files.values())}: {done.recordings} embeddings of {done.dim} numbers")
    return 1 if done.failed else 0


def _finish(rows: "Iterable[Row]", output: str | None) -> int:
    """Prints or writes (id, vector or None, reason) as they come; the status is 1 where a recording failed."""
    failed, ids, vectors = 0, [], []
    for name, vector, reason in rows:
        if vector is None:
            failed += 1
            print(reason, file=sys.stderr, flush=True)
        elif output is None:
            numbers = [float(str(value)) for value in vector]
            print(json.dumps({"id": name, "embedding": numbers}, ensure_ascii=False), flush=True)
        else:
            ids.append(name)
            vectors.append(vector)
    if output is not None and ids:
        import numpy as np

        from speakerssl.embeddings.outputs import write_as

        files = write_as(output, ids, np.stack(vectors))
        print(f"{', '.join(map(str, files))}: {len(ids)} embeddings of {len(vectors[0])} numbers")
    return 1 if failed or (output is not None and not ids) else 0
