"""Quality measures of recordings as extra inputs of a calibration: duration, norm of the embedding, cohort mean."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.trials.speakers import read_utt2spk
from speakerssl.trials.text_table import TextTable
from speakerssl.trials.trial_list import Trials

# Measures that span decades act on a score by their ratio.
LOGARITHMIC = ("duration", "frames", "num-frames")


def read_quality(path: str | Path) -> dict[str, float]:
    """A measure from `recording value` lines, such as Kaldi's utt2dur. Raises InputError naming the odd line."""
    words = read_utt2spk(path)
    numbers = {name: _number(word) for name, word in words.items()}
    odd = next((row for row, value in enumerate(numbers.values()) if not math.isfinite(value)), None)
    if odd is not None:
        name = list(words)[odd]
        line = TextTable(path).line(odd)
        raise InputError(f"{path}:{line}: the value '{words[name]}' of '{name}' is not a finite number")
    return numbers


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def norm_quality(embeddings: Embeddings) -> dict[str, float]:
    """The Euclidean norm of each embedding, which falls where a recording is short or noisy."""
    norms = np.linalg.norm(embeddings.matrix.astype(np.float64), axis=1)
    return dict(zip(embeddings.ids, norms.tolist()))


def quality_inputs(trials: Trials, measures: Mapping[str, Mapping[str, float]]) -> tuple[list[str], np.ndarray]:
    """Two inputs for each measure: the smaller and the larger value of a trial's two sides.

    Exchanging the two sides of a trial then changes nothing (Thienpondt, Desplanques and Demuynck, 2021). Measures
    named in LOGARITHMIC enter as logarithms. Returns the names (`duration.min`, ...) and values [N, 2 x measures].
    Raises InputError naming the id that a measure lacks, or a duration that is not positive.
    """
    names: list[str] = []
    columns: list[np.ndarray] = []
    for measure, values in measures.items():
        sides = [
            _side(trials, ids, measure, values)[index]
            for ids, index in ((trials.enrol_ids, trials.enrol_index), (trials.test_ids, trials.test_index))
        ]
        names += [f"{measure}.min", f"{measure}.max"]
        columns += [np.minimum(*sides), np.maximum(*sides)]
    matrix = np.column_stack(columns) if columns else np.empty((len(trials), 0))
    return names, matrix


def _side(trials: Trials, ids: list[str], measure: str, values: Mapping[str, float]) -> np.ndarray:
    missing = [name for name in ids if name not in values]
    if missing:
        raise InputError(
            f"quality '{measure}': no value for '{missing[0]}' of {trials.path} ({len(missing)} ids lack one)"
        )
    side = np.array([values[name] for name in ids], dtype=np.float64)
    if measure not in LOGARITHMIC:
        return side
    if (side <= 0).any():
        worst = int(np.argmin(side))
        raise InputError(f"quality '{measure}': the value of '{ids[worst]}' is {side[worst]:g}, not positive")
    return np.log(side)
