"""`speakerssl report`: parses, calls `speakerssl.report.build.write_report`, says where the page is."""

import argparse
import json

from speakerssl.cli.metric_options import (
    add_p_target_argument,
    add_strip_suffix_argument,
    p_targets_of,
    suffixes_to_strip,
)
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.errors import InputError

DESCRIPTION = """\
Writes ONE self-contained HTML page about the scores of one or several systems on a trial list: metrics with
confidence intervals and definitions, DET curves, score histograms, calibration curves, a threshold slider, slices,
and the hardest trials with players. It opens from disk and fetches nothing.

example:
  speakerssl report --scores cosine.txt asnorm.txt --names cosine AS-norm --trials trials \\
      --utt2spk data/test/utt2spk --audio data/test/wav.scp --slice data/test/utt2gender --output report.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    add = parser.add_argument
    add(
        "--scores",
        nargs="+",
        required=True,
        metavar="FILE",
        help="score files, one a system, of any toolkit: 'enrol test score [label]', 'score enrol test', "
        "'score label'; plain or gzip",
    )
    add("--output", required=True, metavar="HTML", help="the page to write")
    add_pipe_option(parser)
    add(
        "--trials",
        metavar="LIST",
        help="labelled trial list: '1 enrol test', 'enrol test target|nontarget' or 'enrol test 0|1'. May be left out "
        "for a single score file that has labels",
    )
    add("--names", nargs="+", metavar="NAME", help="a name for each system (default: the names of the score files)")
    add("--title", default="Speaker verification report", help="title of the page (default: %(default)s)")
    add(
        "--utt2spk",
        metavar="FILE",
        help="'recording speaker' lines; intervals resample speakers. Not needed where ids begin with the speaker, "
        "as VoxCeleb's do (id10270/x6uYqmx31kE/00001.wav)",
    )
    add(
        "--bootstrap",
        type=int,
        metavar="N",
        help="draws of speakers behind the intervals; 0 for no intervals (default: 1000 where the speakers are known)",
    )
    add("--seed", type=int, default=0, help="seed of the draws (default: %(default)s)")
    add_p_target_argument(parser)
    add(
        "--slice",
        nargs="+",
        default=[],
        metavar="FILE",
        dest="slices",
        help="utt2<attribute> files (utt2gender, utt2dur, ...), or FILE:COLUMN of a table with a header; metrics are "
        "given for each part",
    )
    add(
        "--audio",
        metavar="WAV_SCP",
        help="'recording path' or 'recording command |' lines: the hardest trials get players. The first 10 s of a "
        "recording are put into the page",
    )
    add(
        "--audio-mb",
        type=float,
        default=8.0,
        metavar="MB",
        help="size that recordings may take in the page, in megabytes; those beyond are linked (default: %(default)s)",
    )
    add(
        "--hardest",
        type=int,
        default=10,
        metavar="N",
        help="hardest target and non-target trials to list, of each system (default: %(default)s)",
    )
    add(
        "--skip-missing",
        action="store_true",
        help="leave out trials that a score file has no score for (for every system); the page lists them",
    )
    add_strip_suffix_argument(parser)
    add("--plots-dir", metavar="DIR", help="also write each plot there, as PNG and PDF")
    add("--json", action="store_true", help="print what was written, and the metrics, as JSON")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Writes the page."""
    from speakerssl.report.build import ReportOptions, write_report
    from speakerssl.trials.attributes import read_attribute_option

    _check(args)
    options = ReportOptions(
        title=args.title,
        p_targets=p_targets_of(args),
        bootstrap=args.bootstrap,
        seed=args.seed,
        utt2spk=args.utt2spk,
        slices=tuple(read_attribute_option(option) for option in args.slices),
        audio=args.audio,
        audio_megabytes=args.audio_mb,
        hardest=args.hardest,
        skip_missing=args.skip_missing,
        plots_dir=args.plots_dir,
        strip_suffix=suffixes_to_strip(args),
    )
    done = write_report(args.scores, args.output, args.trials, args.names, options)
    if args.json:
        print(json.dumps(done, indent=2))
        return 0
    print(f"{done['report']}: {done['bytes'] / 1000:.0f} kB, {done['trials']:,} trials, {len(args.scores)} system(s)")
    if done["skipped"]:
        print(f"{done['skipped']:,} trials were skipped: they have no score; the page lists them")
    if done["plots"]:
        print(f"{args.plots_dir}: {len(done['plots'])} plot files")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Numbers outside their range. Raises InputError naming the option."""
    for name in ("bootstrap", "hardest", "audio_mb", "seed"):
        value = getattr(args, name)
        if value is not None and value < 0:
            raise InputError(f"--{name.replace('_', '-')} {value:g}: must not be negative")
