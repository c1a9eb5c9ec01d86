"""The card of a model folder: README.md, what a stranger must know before using the weights.

`card.json` holds the facts that no other file of the folder has; the page is written from it, from the configuration
and from the calibration, anew whenever one of them changes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speakerssl.config_file import read_yaml
from speakerssl.constants import SAMPLE_RATE
from speakerssl.embeddings.decision import CALIBRATION, load_decision
from speakerssl.embeddings.model_dir import CONFIG
from speakerssl.errors import InputError
from speakerssl.io import read_bytes, write_text

FACTS, PAGE = "card.json", "README.md"
OPERATING_POINTS = ((0.5, "as likely as not"), (0.05, "one in twenty"), (0.01, "one in a hundred"))  # priors
INTENDED = (
    "Comparing voices, grouping recordings by voice, research, and as a start for training with data of one's own."
)
MISUSE = (
    "Not evidence in court, and not the only lock of anything of value: it was not tested against replayed or made "
    "speech. Not for identifying people who have not agreed to it. Voices, languages and channels that are rare in its "
    "data are told apart less well; measure on your own before you rely on it."
)


def write_card(directory: str | Path, facts: Mapping[str, Any] | None = None) -> Path:
    """Writes the page of a model folder, after adding `facts` to its `card.json`; returns the page's path.

    Args:
        facts: any of `name`, `licence`, `data` and `notes` (lists of sentences), `parameters`, and `metrics`: a list
            of {list, scoring, targets, nontargets, eer_percent, min_dcf, p_target}, the two numbers as
            [value, low, high].

    Raises:
        InputError: no model folder, or a damaged file in it.
    """
    directory = Path(directory)
    if not (directory / CONFIG).is_file():
        raise InputError(f"{directory}: is no model folder: it has no {CONFIG}")
    known = {**read_facts(directory), **(facts or {})}
    if facts:
        write_text(directory / FACTS, json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    write_text(directory / PAGE, _page(directory, read_yaml(directory / CONFIG), known))
    return directory / PAGE


def read_facts(directory: str | Path) -> dict[str, Any]:
    """What `card.json` of a folder holds, {} where there is none. Raises InputError if it is damaged."""
    path = Path(directory) / FACTS
    if not path.is_file():
        return {}
    try:
        facts = json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise InputError(f"{path}: is not what `speakerssl card` wrote; remove it and write it anew")
    return facts


def _page(directory: Path, config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    name, licence = facts.get("name", directory.name), facts.get("licence")
    head = f"---\nlicense: {licence or 'other'}\nlibrary_name: speakerssl\ntags: [speaker-verification]\n---\n"
    sections = {
        f"# {name}": _what(config, facts),
        "## Use": f'```python\nimport speakerssl\n\nmodel = speakerssl.load_model("{name}")  # or the path of this '
        'folder\nvector = model.embed("a.wav")\nprint(model.verify("a.wav", "b.wav"))\n```',
        "## Data": _sentences(facts.get("data")) or "Not stated. Say which recordings it was trained on.",
        "## Metrics": _metrics(facts.get("metrics")),
        "## Thresholds": _thresholds(directory),
        "## Notes": _sentences(facts.get("notes")),
        "## Licence": f"{licence}." if licence else "Not stated.",
        "## Intended use": INTENDED,
        "## What it must not be used for": MISUSE,
    }
    return head + "".join(f"\n{title}\n\n{text}\n" for title, text in sections.items() if text)


def _what(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    encoder, features = config.get("encoder") or {}, config.get("features") or {}
    method, size = facts.get("method") or (config.get("method") or {}).get("name"), facts.get("parameters")
    lines = [f"A speaker encoder (`{encoder.get('name')}`" + (f", {size:,} parameters)" if size else ")")]
    rate = features.get("sample_frequency", SAMPLE_RATE)
    lines.append(f" on {features.get('kind', 'fbank')} features at {rate} Hz")
    lines.append(f", trained by the method `{method}`." if method else ".")
    return "".join(lines)


def _sentences(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines or ())


def _metrics(rows: Any) -> str:
    """A table with 95 % intervals."""
    if not rows:
        return "Not measured. `speakerssl card --metric` adds numbers with intervals."
    lines = [
        "| list | scoring | target, non-target trials | EER % | minDCF | at p_target |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        numbers = ["{:.4g} ({:.4g} to {:.4g})".format(*row[key]) for key in ("eer_percent", "min_dcf")]
        trials = f"{row['targets']:,}, {row['nontargets']:,}"
        lines.append(f"| {row['list']} | {row['scoring']} | {trials} | {' | '.join(numbers)} | {row['p_target']:g} |")
    return "\n".join([*lines, "", "In brackets 95 % intervals, from draws of speakers."])


def _thresholds(directory: Path) -> str:
    """Cosines to decide at, for three priors of one speaker."""
    decision = load_decision(directory)
    if decision is None:
        return f"Not calibrated: `speakerssl calibrate-model` writes {CALIBRATION}, which `verify` decides by."
    lines = ["| prior of the same speaker | cosine from | missed | falsely accepted |", "|---|---|---|---|"]
    for prior, words in OPERATING_POINTS:
        point = decision.verify(0.0, prior)
        lines.append(f"| {prior:g} ({words}) | {point.threshold:.4f} | {point.p_miss:.2%} | {point.p_fa:.2%} |")
    return "\n".join([*lines, "", f"Calibrated on {decision.trained_on}."])
