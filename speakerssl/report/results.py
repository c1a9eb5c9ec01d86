"""One table of several systems on several trial lists, with mean and spread over seeds.

A recipe scores into `EXP/<system>/scores/<list>.txt`; runs that differ in their seed alone are called
`<system>-s0`, `<system>-s1`, ... and share a row.
"""

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerssl.errors import InputError
from speakerssl.metrics.detection import eer, min_dcf
from speakerssl.metrics.roc import build_roc
from speakerssl.report.markup import markdown_text
from speakerssl.trials.score_file import join, read_scores
from speakerssl.trials.trial_list import Trials, read_trials

EER_DEFINITION = "EER: where miss and false-alarm rate cross, linear between operating points, ties grouped"


@dataclass(frozen=True)
class Cell:
    """A system on a list: one value a seed, EER in percent and normalized minDCF (at each prior in `min_dcfs`)."""

    eer_percent: tuple[float, ...]
    min_dcf: tuple[float, ...]
    min_dcfs: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Results:
    """`cells[system][list]` and what the numbers mean."""

    cells: dict[str, dict[str, Cell]]
    lists: tuple[str, ...]
    sizes: dict[str, tuple[int, int]]  # list: targets, non-targets
    p_targets: tuple[float, ...]

    @property
    def definition(self) -> str:
        priors = ", ".join(f"{p:g}" for p in self.p_targets)
        return f"{EER_DEFINITION}; minDCF: p_target {priors}, both costs 1, normalized by the better blind decision"


def collect(
    exp: str | Path, systems: Sequence[str], lists: Mapping[str, str | Path], p_targets: Sequence[float]
) -> Results:
    """Reads the scores of every system (all its seeds) on every list. Raises InputError naming what is missing."""
    exp = Path(exp)
    trials = {name: read_trials(path) for name, path in lists.items()}
    cells = {system: {name: _cell(exp, system, name, trials[name], p_targets) for name in lists} for system in systems}
    sizes = {}
    for name, one in trials.items():
        targets = int(one.require_labels().sum())
        sizes[name] = targets, len(one) - targets
    return Results(cells, tuple(lists), sizes, tuple(p_targets))


def seed_folders(exp: Path, system: str) -> list[Path]:
    """The folders of a system's runs: `<system>` itself or `<system>-s<seed>`, by seed."""
    if (exp / system / "scores").is_dir():
        return [exp / system]
    found = [path for path in exp.glob(f"{system}-s*") if re.fullmatch(re.escape(system) + r"-s\d+", path.name)]
    return sorted(found, key=lambda path: int(path.name.rpartition("-s")[2]))


def format_values(values: Sequence[float], digits: int) -> str:
    """`12.34` for one value, `12.34 +- 0.56` (sample standard deviation) for several."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def to_markdown(results: Results) -> str:
    """The table as Markdown, one row a system, EER and minDCF of each list."""
    head = ["system", "seeds"]
    for name in map(markdown_text, results.lists):
        costs = (
            [f"{name} minDCF"] if len(results.p_targets) == 1 else [f"{name} minDCF {p:g}" for p in results.p_targets]
        )
        head += [f"{name} EER %", *costs]
    rows = [head, ["---"] * len(head)]
    for system, by_list in results.cells.items():
        cells = [by_list[name] for name in results.lists]
        row = [markdown_text(system), str(len(cells[0].eer_percent))]
        for cell in cells:
            row += [format_values(cell.eer_percent, 2), *(format_values(cost, 4) for cost in cell.min_dcfs)]
        rows.append(row)
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _cell(exp: Path, system: str, name: str, trials: Trials, p_targets: Sequence[float]) -> Cell:
    folders = seed_folders(exp, system)
    if not folders:
        raise InputError(f"{exp / system}/scores: does not exist; run the recipe's scoring stage first")
    eers, costs = [], []
    for folder in folders:
        scored = join(read_scores(folder / "scores" / f"{name}.txt"), trials)
        roc = build_roc(scored.scores, scored.trials.require_labels())
        eers.append(100 * eer(roc).value)
        costs.append([min_dcf(roc, p).value for p in p_targets])
    by_prior = tuple(zip(*costs))
    return Cell(tuple(eers), by_prior[0], by_prior)
