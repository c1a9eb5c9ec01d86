"""Writes RESULTS.md of the pseudo-label recipe: what iterations gained over their start, with the spread of seeds."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from write_study import COUNT, judged

from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.io import read_text, write_text
from speakerssl.metrics.comparison import p_value, seed_means
from speakerssl.metrics.detection import compute_eer
from speakerssl.report.results import EER_DEFINITION, format_values
from speakerssl.trials.score_file import join, read_scores
from speakerssl.trials.speakers import read_utt2spk, trial_speakers
from speakerssl.trials.trial_list import read_trials

START, KEPT, FLOOR = "start", "kept", "floor"


@dataclass(frozen=True)
class Column:
    """A trial list: by system the EERs in percent, one a seed, and mean difference from the start and p-value."""

    eer_percent: dict[str, list[float]]
    against_start: dict[str, tuple[float, float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, nargs="+", type=Path, help="folders of iteration-0, ...: one a seed")
    parser.add_argument("--start", required=True, help="what the iterations began with, for the text")
    parser.add_argument("--first-labels", default=START, help="whose clusters the first iteration learned (start)")
    parser.add_argument("--floor", required=True, type=Path, help="folder of the feature statistics' scores")
    parser.add_argument("--valid", required=True, type=Path, help="the validation trials, made without labels")
    parser.add_argument("--lists", required=True, nargs="+", help="NAME=TRIALS, with utt2spk in their folder")
    parser.add_argument("--steps", required=True, type=int, help="training steps of an iteration")
    parser.add_argument("--output", required=True, help="the file to write")
    args = parser.parse_args()
    try:
        systems = {**find_systems(args.runs), FLOOR: [args.floor]}
        columns = {"validation": measure(systems, "valid", args.valid, None)}
        for name, _, trials in (word.partition("=") for word in args.lists):
            columns[name] = measure(systems, name, Path(trials), Path(trials).parent / "utt2spk")
        text = render(args, columns)
        write_text(args.output, text)
    except SpeakerSSLError as error:
        print(f"write_pseudo.py: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{text}\nresults: {args.output}")
    return 0


def find_systems(runs: Sequence[Path]) -> dict[str, list[Path]]:
    """Folders, one a seed, of the start, of each iteration that all seeds have, and of what validation kept."""
    numbers = [len(list(run.glob("iteration-*"))) for run in runs]
    if min(numbers) < 2:
        raise InputError(f"{runs[numbers.index(min(numbers))]}: has no iteration after the start; run stage 3")
    names = {START: 0} | {f"iteration {number}": number for number in range(1, min(numbers))}
    systems = {name: [run / f"iteration-{number}" for run in runs] for name, number in names.items()}
    return {**systems, KEPT: [run / read_text(run / "best").strip() for run in runs]}


def measure(systems: Mapping[str, Sequence[Path]], name: str, trials: Path, utt2spk: Path | None) -> Column:
    """A list's error rates, without a test where the speakers are not known."""
    listed = read_trials(trials)
    labels = listed.require_labels()
    scores = {
        system: [join(read_scores(folder / "scores" / f"{name}.txt"), listed).scores for folder in folders]
        for system, folders in systems.items()
    }
    eers = {system: [100 * compute_eer(one, labels) for one in runs] for system, runs in scores.items()}
    if utt2spk is None:
        return Column(eers, {})
    draws = seed_means(scores, labels, trial_speakers(listed, read_utt2spk(utt2spk)), count=COUNT)
    deltas = {system: 100 * (draws[system] - draws[START]) for system in systems if system not in (START, FLOOR)}
    return Column(eers, {system: (float(delta.mean()), p_value(delta)) for system, delta in deltas.items()})


def render(args: argparse.Namespace, columns: Mapping[str, Column]) -> str:
    seeds = len(columns["validation"].eer_percent[START])
    claims = "".join(
        f"- {name}: what validation kept beats the start: {judged(*column.against_start[KEPT], KEPT, START)}\n"
        for name, column in columns.items()
        if column.against_start
    )
    return f"""# Pseudo-labels on speechocean762

Written by `recipes/speechocean762/pseudo/run.sh` on {date.today().isoformat()}; {seeds} seeds, {args.steps} steps an
iteration. The start is `{args.start}`; the first iteration learns the clusters of `{args.first_labels}`, later ones
those of the iteration before. Equal error rates in percent by cosine, mean ± sample standard deviation over the seeds.
`{KEPT}`: of each seed the iteration, or the start, that validation without labels has the lowest error rate for.
`{FLOOR}`: mean and standard deviation of 30 MFCCs, nothing trained.
p: paired bootstrap over speakers ({COUNT} draws, the seeds' mean) of no difference from the start.

{table(columns)}
{EER_DEFINITION}.

{claims}"""


def table(columns: Mapping[str, Column]) -> str:
    head, lines = ["system"], []
    for name, column in columns.items():
        head += [f"{name} EER %", "p"] if column.against_start else [f"{name} EER %"]
    for system in columns["validation"].eer_percent:
        cells = [system]
        for column in columns.values():
            cells.append(format_values(column.eer_percent[system], 2))
            if column.against_start:
                cells.append(f"{column.against_start[system][1]:.3f}" if system in column.against_start else "")
        lines.append(cells)
    return "".join("| " + " | ".join(cells) + " |\n" for cells in [head, ["---"] * len(head), *lines])


if __name__ == "__main__":
    sys.exit(main())
