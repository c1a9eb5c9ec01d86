"""Writes RESULTS.md of a run: the table, what it was made with, and how far from the floor the best one is."""

import argparse
import os
import platform
import statistics
import sys
from datetime import date
from pathlib import Path

from settings import BASELINES, main_rows

from speakerssl.errors import SpeakerSSLError
from speakerssl.io import write_text
from speakerssl.report.results import Results, collect, to_markdown

CROSS = "cross-channel"
SCORINGS = {  # suffix of the score files (score_one.sh): what they are
    "": "Cosine",
    "-asnorm": "Cosine with adaptive S-norm; the cohort is the unlabeled training recordings, the 200 nearest count",
    "-plda": "PLDA between 400 clusters of the unlabeled training recordings, with adaptive S-norm",
    "-fused": "The last two fused, with weights from validation trials that need no labels",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", required=True, help="folder of the systems' folders")
    parser.add_argument("--systems", required=True, nargs="+", help="rows; `untrained` and `floor` among them")
    parser.add_argument("--lists", required=True, nargs="+", metavar="NAME=TRIALS", help="columns")
    parser.add_argument("--validation", required=True, type=Path, help="validation trials: they choose the row")
    parser.add_argument("--steps", required=True, type=int, help="training steps of every run")
    parser.add_argument("--copies", required=True, type=int, help="augmented copies in the store")
    parser.add_argument("--config", required=True, type=Path, help="the configuration of the runs")
    parser.add_argument("--output", required=True, help="the file to write")
    args = parser.parse_args()
    lists = dict(item.split("=", 1) for item in args.lists)
    try:
        scored = {
            what: collect(args.exp, args.systems, {f"{name}{suffix}": lists[name] for name in lists}, p_targets=(0.01,))
            for suffix, what in SCORINGS.items()
        }
        rows = [system for system in args.systems if system not in BASELINES]
        validation = collect(args.exp, rows, {"valid": args.validation}, p_targets=(0.01,))
    except SpeakerSSLError as error:
        print(f"write_results.py: {error}", file=sys.stderr)
        return error.exit_code
    text = render(scored, validation, args.steps, args.copies, args.config.read_text(encoding="utf-8"))
    write_text(args.output, text)
    print(f"{tables(scored)}\nresults: {args.output}")
    return 0


def tables(scored: dict[str, Results]) -> str:
    """One table a way of scoring, and what the numbers in them are."""
    cosine = scored[SCORINGS[""]]
    sizes = "; ".join(f"{name}: {t:,} targets, {n:,} non-targets" for name, (t, n) in cosine.sizes.items())
    shown = "".join(f"{what}:\n\n{to_markdown(results)}\n" for what, results in scored.items())
    return f"{shown}{cosine.definition}. {sizes}.\n"


def render(scored: dict[str, Results], validation: Results, steps: int, copies: int, config: str) -> str:
    return f"""# Results on speechocean762

Written by `recipes/speechocean762/run.sh` on {date.today().isoformat()} on {machine()}.
Trained without labels; {steps} steps a run, the same for every row; {copies} augmented copies of each recording.
Mean ± sample standard deviation over the seeds. Embeddings of whole recordings.{missing(scored)}

{tables(scored)}
- **{CROSS}** is `trials_H` with the test side passed through rooms, noises, filters, the telephone band and codecs
  that training never uses: the list that counts, since every speaker was recorded in one session and the clean
  lists reward knowing the room.
- **floor**: mean and standard deviation of 30 MFCCs, z-normalized over the recordings of the list; by definition it is
  scored by cosine, and the other tables score it as they score all else.
- **multiview_ssps**: SNT-Xent-AM on two more crops of 1 s a recording, and positives from other recordings that feature
  statistics find (in these corpora one session is one speaker's); **multiview_ssps_nt_xent** and so on: the
  other three losses on the same views. The rows above them take two crops of one recording.
- **untrained**: the encoder at its random start, seed by seed.

{"".join(verdict(results) for results in scored.values())}
{chosen(scored, validation)}
{bars(scored)}
The configuration (`snt_xent_am`; what the other rows change is in `conf/rows.yaml`):

```yaml
{config.strip()}
```
"""


def missing(scored: dict[str, Results]) -> str:
    """Names the rows that the run left out, if any."""
    left_out = [row for row in main_rows() if row not in scored[SCORINGS[""]].cells]
    return f"\nNot in this run: {', '.join(left_out)}." if left_out else ""


def verdict(results: Results) -> str:
    """What the table says, in words, for each list."""
    lines = []
    trained = [system for system in results.cells if system not in BASELINES]
    for name in results.lists:
        means = {system: statistics.fmean(cells[name].eer_percent) for system, cells in results.cells.items()}
        best = min(trained, key=lambda system: means[system])
        ratios = [f"{means[best] / means[base]:.3f} x {base} ({means[base]:.2f} %)" for base in BASELINES]
        worse = " It **loses to the floor** here." if means[best] > means["floor"] else ""
        lines.append(f"- {name}: the best is {best} with {means[best]:.2f} % EER, {' and '.join(ratios)}.{worse}\n")
    return "".join(lines)


def chosen(scored: dict[str, Results], validation: Results) -> str:
    """The row that has the lowest error rate on validation trials by cosine, and what it has on the cross-channel list.

    The best row of a list is chosen on that list, so it flatters itself; this one does not.
    """
    on_validation = {row: statistics.fmean(cells["valid"].eer_percent) for row, cells in validation.cells.items()}
    row = min(on_validation, key=on_validation.__getitem__)
    cosine = scored[SCORINGS[""]]
    value = statistics.fmean(cosine.cells[row][CROSS].eer_percent)
    return f"""The best rows are chosen on the lists themselves. Validation trials without labels choose {row} by cosine
({on_validation[row]:.2f} % on them), which has {value:.2f} % on the {CROSS} list:
{ratios(value, cosine, CROSS)}.
"""


def bars(scored: dict[str, Results]) -> str:
    """The best system on the cross-channel list against the baselines by cosine, and against them scored as it is."""
    best, name, what, suffix = min(
        (statistics.fmean(cells[f"{CROSS}{suffix}"].eer_percent), system, what, suffix)
        for suffix, what in SCORINGS.items()
        for system, cells in scored[what].cells.items()
        if system not in BASELINES
    )
    return f"""On the {CROSS} list the best of all is {best:.2f} % ({name}, {what}):
{ratios(best, scored[SCORINGS[""]], CROSS)} with cosine scores,
{ratios(best, scored[what], f"{CROSS}{suffix}")} with scores made as its own.
"""


def ratios(value: float, results: Results, name: str) -> str:
    """`value`, an EER in percent, in terms of the baselines on list `name`."""
    untrained, floor = (statistics.fmean(results.cells[base][name].eer_percent) for base in BASELINES)
    return f"{value / floor:.3f} x the floor and {value / untrained:.3f} x the untrained encoder"


def machine() -> str:
    """Processor, cores and versions."""
    import torch

    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, torch {torch.__version__}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
