"""Speakers, attributes and slices of a list."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.slices import slice_metrics, slice_names
from speakerssl.trials.attributes import Attribute, read_attribute
from speakerssl.trials.trial_list import Trials, read_trials


def _trials(rows: list[tuple[str, str]], labels: list[int]) -> Trials:
    enrol, test = (list(dict.fromkeys(side)) for side in zip(*rows))
    first, second = (np.array([ids.index(row[k]) for row in rows], np.int32) for k, ids in enumerate((enrol, test)))
    return Trials(enrol, test, first, second, np.array(labels, np.int8), "list")


ROWS = [("a/1", "a/2"), ("a/1", "b/1"), ("b/1", "b/2"), ("c/1", "a/2"), ("c/1", "c/2"), ("a/1", "d/1")]

LABELS = [1, 0, 1, 0, 1, 0]


def test_slices_by_a_word() -> None:
    trials = _trials(ROWS, LABELS)
    gender = Attribute("gender", {"a": "f", "b": "m", "c": "f"}, "spk2gender")
    names, part = slice_names(trials, gender)
    assert [names[i] for i in part] == ["f", "mixed", "m", "f", "f", "unknown"]
    scores = np.array([3.0, 0.0, 2.0, 2.5, 2.0, 1.0])
    found = {part.value: part for part in slice_metrics(scores, trials.require_labels(), trials, gender)}
    assert list(found) == ["f", "m", "mixed", "unknown"]
    assert (found["f"].targets, found["f"].nontargets) == (2, 1)
    assert found["f"].eer == pytest.approx(0.5)
    assert found["m"].eer is None
    assert found["m"].p_fa is None
    assert found["mixed"].p_miss is None
    assert sum(part.targets + part.nontargets for part in found.values()) == len(trials)


def test_slices_by_a_number_take_the_smaller_side() -> None:
    rng = np.random.default_rng(0)
    names = [f"u{i}" for i in range(100)]
    seconds = {name: f"{value:.2f}" for name, value in zip(names, rng.uniform(1, 20, 100))}
    index = rng.integers(0, 100, (2, 1000)).astype(np.int32)
    trials = Trials(names, names, index[0], index[1], np.ones(1000, np.int8), "list")
    labels, part = slice_names(trials, Attribute("dur", seconds, "utt2dur"))
    assert len(labels) == 5
    values = np.array([float(seconds[name]) for name in names])
    shorter = np.minimum(values[index[0]], values[index[1]])
    counts = np.bincount(part, minlength=5)
    assert counts[4] == 0
    assert counts[:4].min() > 200
    assert all(shorter[part == k].max() <= shorter[part == k + 1].min() for k in range(3))
    assert labels[3].endswith("]")


def test_enrolment_size_is_one_sided() -> None:
    trials = _trials([("m1", "u1"), ("m2", "u1"), ("m1", "u2")], [1, 0, 0])
    names, part = slice_names(trials, Attribute("num_utts", {"m1": "3", "m2": "1"}, "num_utts"))
    assert [names[i] for i in part] == ["3", "1", "3"]
    with pytest.raises(InputError, match="x: has a value for none of the ids of list"):
        slice_names(trials, Attribute("x", {"z": "1"}, "x"))


def test_voxceleb_meta(shared_data: Path) -> None:
    folder = shared_data / "voxceleb_trials"
    trials = read_trials(folder / "vox1_O_original.txt.gz")
    names, part = slice_names(trials, read_attribute(folder / "vox1_meta.csv", "gender"))
    counts = dict(zip(names, np.bincount(part, minlength=len(names)).tolist()))
    assert counts["unknown"] == 0
    assert counts["f"] > 5000
    assert counts["m"] > 5000
