"""`speakerssl prepare`: a checked Kaldi data directory from a folder, a wav.scp, a data directory or a corpus."""

import argparse
import dataclasses
import json
import sys

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.numbers import at_least
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.data.channels import select_channel, split_channels
from speakerssl.data.corpora import CORPORA, SUBSETS, find_trials, read_corpus
from speakerssl.data.folders import describe_passed_over, read_folder
from speakerssl.data.kaldi import DataDir
from speakerssl.data.prepare import Prepared, prepare, read_list, with_segments
from speakerssl.data.utterance import read_channel
from speakerssl.errors import InputError

DESCRIPTION = """\
Makes a Kaldi data directory (wav.scp, utt2dur; utt2spk and spk2utt where speakers are known) in which every
recording can be read. No label is needed. Recordings that are missing, empty, damaged or truncated, and those whose
name no list can hold, are named, listed in OUTPUT/failed.txt and left out; the exit status is then 1. What a file is
its content decides, not its suffix. Running it again gives the same files.

  speakerssl prepare --audio-dir recordings --output data/mine
  speakerssl prepare --wav-scp wav.scp --segments segments --output data/mine --min-duration 2
  speakerssl prepare --data corpus/train --output data/train
  speakerssl prepare --audio-dir calls --channel each --output data/calls
  speakerssl prepare --corpus voxceleb1 --subset dev --audio-dir voxceleb1 --output data/vox1_dev
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--audio-dir", metavar="DIR",
        help="folder that is searched for audio (wav, flac, ogg, opus, mp3, m4a, webm, ...), or a corpus's folder",
    )  # fmt: skip
    source.add_argument("--wav-scp", metavar="FILE", help="list of recordings: 'id path' or 'id command |'")
    source.add_argument("--data", metavar="DIR", help="existing Kaldi data directory to check and copy")
    parser.add_argument("--output", metavar="DIR", required=True, help="data directory to write")
    parser.add_argument("--corpus", choices=sorted(CORPORA), help="--audio-dir holds this corpus's folders")
    parser.add_argument("--subset", choices=SUBSETS, default="dev", help="part of the corpus (default: dev)")
    parser.add_argument(
        "--trials-dir", metavar="DIR",
        help="with --corpus voxceleb1: folder of veri_test.txt, veri_test2.txt, list_test_all2.txt, ...; those of "
        "the subset (test: O; all: O, E and H) are copied (default: the corpus's folder)",
    )  # fmt: skip
    parser.add_argument(
        "--segments", metavar="FILE", help="cut recordings: 'utterance recording start end [channel]' (s)"
    )
    parser.add_argument(
        "--channel", metavar="N|each",
        help="take this channel (from 0), or each as a recording of its own, ID-0, ID-1, ... (two speakers of a call); "
        "default: the mean of all",
    )  # fmt: skip
    parser.add_argument(
        "--min-duration", type=float, default=0.0, metavar="SECONDS",
        help="leave out shorter recordings (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--decode", action="store_true",
        help="decode every recording to its end instead of its header and last samples (slower, finds all damage)",
    )  # fmt: skip
    parser.add_argument(
        "--id-separator", default="/", metavar="TEXT", help="in ids from paths, instead of / (default: /)"
    )
    parser.add_argument("--keep-suffix", action="store_true", help="ids from paths keep .wav and the like")
    parser.add_argument(
        "--speaker-from-folder", action="store_true",
        help="the topmost folder names the speaker (only for scoring; training needs no speakers)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=4, metavar="N", help="recordings looked at at once (default: 4)"
    )  # fmt: skip
    add_executor_option(parser)
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    at_least("--jobs", args.jobs, 1)
    if args.corpus and not args.audio_dir:
        raise InputError("--corpus needs --audio-dir, the folder that the corpus lies in")
    trials = find_trials(args.trials_dir or args.audio_dir, args.subset) if args.corpus == "voxceleb1" else {}
    if args.trials_dir and not trials:
        raise InputError(f"{args.trials_dir}: has no trial list for --corpus voxceleb1 --subset {args.subset}")
    data = _with_channels(_read(args), args.channel)
    done = prepare(data, args.output, args.decode, args.min_duration, trials, args.jobs)
    for reason in dict.fromkeys(done.failed.values()):
        print(reason, file=sys.stderr)
    if done.passed_over:
        print(f"{args.audio_dir}: passed over: {describe_passed_over(done.passed_over)}", file=sys.stderr)
    print(json.dumps(dataclasses.asdict(done), indent=1) if args.json else _summary(done))
    return 1 if done.failed else 0


def _read(args: argparse.Namespace) -> DataDir:
    if args.wav_scp:
        return read_list(args.wav_scp, args.segments)
    if args.data:
        return with_segments(DataDir.read(args.data), args.segments)
    if args.corpus:
        return with_segments(read_corpus(args.corpus, args.audio_dir, args.subset), args.segments)
    folder = read_folder(args.audio_dir, args.id_separator, args.keep_suffix, args.speaker_from_folder)
    return with_segments(folder, args.segments)


def _with_channels(data: DataDir, channel: str | None) -> DataDir:
    if channel is None:
        return data
    return split_channels(data) if channel == "each" else select_channel(data, read_channel(channel, "--channel"))


def _summary(done: Prepared) -> str:
    speakers = "" if done.speakers is None else f" of {done.speakers} speakers"
    length = f"{done.hours:.2f} hours" if done.hours >= 1 else f"{60 * done.hours:.2f} minutes"
    lines = [f"{done.output}: {done.recordings} recordings{speakers}, {length}"]
    if done.short:
        lines.append(f"{done.short} left out as shorter than --min-duration")
    lines += [f"{done.output}/{name}: {count} trials" for name, count in done.trials.items()]
    if done.failed:
        lines.append(f"{done.output}/failed.txt: {len(done.failed)} recordings that cannot be used")
    return "\n".join(lines)
