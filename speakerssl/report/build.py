"""`speakerssl report` as a function: score files in, one HTML page (and plots, where asked for) out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speakerssl.errors import InputError
from speakerssl.io import write_text
from speakerssl.metrics.detection import eer_value
from speakerssl.metrics.slices import Slice, slice_metrics
from speakerssl.metrics.summary import inverted_remark
from speakerssl.report.audio import AudioShelf
from speakerssl.report.curves import system_curves
from speakerssl.report.estimates import estimate
from speakerssl.report.markup import notice
from speakerssl.report.metric_tables import metrics_section, slices_section
from speakerssl.report.page import Page
from speakerssl.report.plots import save_plots
from speakerssl.report.systems import Systems, load_systems
from speakerssl.report.trial_tables import hardest_section
from speakerssl.trials.attributes import Attribute
from speakerssl.trials.speakers import TrialSpeakers, read_utt2spk, strip_utt2spk, trial_speakers
from speakerssl.version import __version__


@dataclass(frozen=True)
class ReportOptions:
    """What the page holds.

    `bootstrap` draws of speakers give the intervals (0: none; None: 1000 where the speakers are known), `seed` seeds
    them. `audio` is a wav.scp whose recordings take at most `audio_megabytes` of the page. `hardest` trials of each
    class are listed a system. The endings `strip_suffix` are dropped from all ids.
    """

    title: str = "Speaker verification report"
    p_targets: tuple[float, ...] = (0.01, 0.05)
    bootstrap: int | None = None
    seed: int = 0
    utt2spk: str | Path | None = None
    slices: tuple[Attribute, ...] = field(default=())
    audio: str | Path | None = None
    audio_megabytes: float = 8.0
    hardest: int = 10
    skip_missing: bool = False
    plots_dir: str | Path | None = None
    strip_suffix: Sequence[str] = ()


def write_report(
    score_files: Sequence[str | Path],
    output: str | Path,
    trials_file: str | Path | None = None,
    names: Sequence[str] | None = None,
    options: ReportOptions | None = None,
) -> dict[str, Any]:
    """Writes the page to `output`; returns what was written and the main numbers, ready for JSON.

    Raises InputError for input that cannot be used (see `load_systems`), for a slice or utt2spk file that does not fit,
    and for an `output` or `plots_dir` that cannot be written.
    """
    options = options or ReportOptions()
    for path in (output, Path(options.plots_dir) / "det.png" if options.plots_dir is not None else output):
        _require_writable(Path(path))
    systems = load_systems(score_files, names, trials_file, options.skip_missing, options.strip_suffix)
    utt2spk = read_utt2spk(options.utt2spk) if options.utt2spk is not None else None
    utt2spk = strip_utt2spk(utt2spk, options.strip_suffix)
    speakers, why_not = _speakers(systems, utt2spk, options)
    estimates = estimate(systems, options.p_targets, speakers, _draws(options), options.seed)
    titles = [system.name for system in systems.systems]
    curves, thresholds = system_curves(titles, [system.roc for system in systems.systems], options.p_targets)
    shelf = None
    if options.audio is not None:
        shelf = AudioShelf(options.audio, int(options.audio_megabytes * 1e6))
    page = Page(
        title=options.title,
        subtitle=_subtitle(systems, speakers),
        metrics=metrics_section(titles, estimates),
        hardest=hardest_section(systems, options.hardest, shelf),
        systems=curves,
        thresholds=thresholds,
        p_targets=options.p_targets,
        slices=slices_section(titles, _slices(systems, options, utt2spk), options.p_targets[0]),
        notices=_notices(systems, why_not),
        audio=shelf.uris if shelf is not None else (),
        footer=_footer(systems),
    )
    html = page.render()
    write_text(output, html)
    plots = save_plots(curves, options.plots_dir) if options.plots_dir is not None else []
    return {
        "report": str(output),
        "bytes": len(html.encode()),
        "plots": [str(path) for path in plots],
        "trials": len(systems.trials),
        "skipped": systems.listed - len(systems.trials),
        "audio_embedded": len(page.audio),
        "systems": [
            {"name": name, "scores": system.path, **values}
            for name, system, values in zip(titles, systems.systems, estimates.values)
        ],
    }


def _require_writable(path: Path) -> None:
    """Makes the folder of `path`; says what is wrong now and not after minutes of work."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the file to write")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: cannot be written: the folder {path.parent} is not writable")


def _draws(options: ReportOptions) -> int:
    return 1000 if options.bootstrap is None else options.bootstrap


def _speakers(
    systems: Systems, utt2spk: dict[str, str] | None, options: ReportOptions
) -> tuple[TrialSpeakers | None, str]:
    """The speakers of the trials, or why there are none; an error only where intervals were asked for by number."""
    try:
        speakers = trial_speakers(systems.trials, utt2spk)
        if len(speakers.names) < 2:
            raise InputError(f"{systems.trials.path}: holds one speaker only; a speaker bootstrap needs two")
        return speakers, ""
    except InputError as error:
        if options.bootstrap or utt2spk is not None:
            raise
        return None, "" if options.bootstrap == 0 else f"No confidence intervals: {error}"


def _slices(systems: Systems, options: ReportOptions, utt2spk: dict[str, str] | None) -> list[list[list[Slice]]]:
    """[attributes][systems][parts]."""
    return [
        [
            slice_metrics(system.scores, systems.labels, systems.trials, attribute, options.p_targets[0],
                          utt2spk=utt2spk)
            for system in systems.systems
        ]
        for attribute in options.slices
    ]  # fmt: skip


def _subtitle(systems: Systems, speakers: TrialSpeakers | None) -> str:
    roc = systems.systems[0].roc
    counts = f"{len(systems.trials):,} trials: {roc.targets:,} target, {roc.nontargets:,} non-target"
    return counts + (f"; {len(speakers.names):,} speakers" if speakers is not None else "")


def _notices(systems: Systems, why_not: str) -> list[str]:
    out = []
    if systems.skipped:
        message = (
            f"{systems.listed - len(systems.trials):,} of {systems.listed:,} trials were skipped, for every system, "
            "because a score file has no score for them."
        )
        out.append(notice(message, [" ".join(pair) for pair in systems.skipped]))
    if why_not:
        out.append(notice(why_not))
    for system in systems.systems:
        warning = inverted_remark(100 * eer_value(system.roc))
        if warning:
            out.append(notice(f"{system.name}: {warning}"))
    return out


def _footer(systems: Systems) -> str:
    files = ", ".join(Path(system.path).name for system in systems.systems)
    return f"Trials: {Path(systems.trials.path).name}. Scores: {files}. speakerssl {__version__}."
