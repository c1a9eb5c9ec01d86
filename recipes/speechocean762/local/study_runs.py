"""The file of the study's finished rows: it is run in parts, and a new row is compared with all that were before.

Draws of speakers are the same in every run of the study, so that the error rates in them are all that a paired test
of two rows needs: one value a draw, where the scores themselves would take megabytes a row.
"""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import atomic_path, read_bytes
from speakerssl.npz import read_npz


@dataclass(frozen=True)
class Row:
    """What is kept of a row: the day it was run, and by way of scoring the EERs in percent and those in the draws.

    `eer_percent[way]` has one value a seed; `draws[way]`, float64 [draws], is the mean over the seeds, as a fraction.
    """

    date: str
    eer_percent: dict[str, tuple[float, ...]]
    draws: dict[str, np.ndarray]


def conditions(trials: Path, utt2spk: Path, steps: int) -> str:
    """What rows have to share to stand in one table: a hash of the trials and their speakers, and the steps."""
    hashed = hashlib.sha256(read_bytes(trials) + b"\0" + read_bytes(utt2spk)).hexdigest()
    return f"{steps} steps, trials {hashed[:16]}"


def load_runs(path: Path, shared: str) -> dict[str, Row]:
    """The rows of `path`; none where it is not there. Rows of other conditions are left out, with a line saying so.

    Raises InputError where the file is none of this kind.
    """
    if not path.exists():
        return {}
    try:
        kept = read_npz(path)
        found = str(kept["conditions"])
        rows = {name: _row(kept, name) for name in map(str, kept["rows"])}
    except (InputError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: is no file of the study's rows ({error}); remove it and run all rows again"
        ) from None
    if found != shared:
        print(f"{path}: its rows are left out, of other conditions ({found}; now {shared})", file=sys.stderr)
        return {}
    return rows


def save_runs(path: Path, rows: Mapping[str, Row], shared: str) -> None:
    """Writes the rows, sorted by name, in place of what `path` held."""
    arrays: dict[str, np.ndarray] = {"conditions": np.array(shared), "rows": np.array(sorted(rows))}
    for name, row in sorted(rows.items()):
        arrays[f"{name}/date"] = np.array(row.date)
        for way, values in row.eer_percent.items():
            arrays[f"{name}/eer_percent/{way}"] = np.array(values)
            arrays[f"{name}/draws/{way}"] = row.draws[way]
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def _row(kept: Mapping[str, np.ndarray], name: str) -> Row:
    start = f"{name}/eer_percent/"
    ways = [key.removeprefix(start) for key in kept if key.startswith(start)]
    eers = {way: tuple(float(value) for value in kept[f"{start}{way}"]) for way in ways}
    return Row(str(kept[f"{name}/date"]), eers, {way: kept[f"{name}/draws/{way}"] for way in ways})
