"""Speakers, attributes and slices of a list."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.slices import slice_metrics, slice_names
from speakerssl.trials.attributes import Attribute, read_attribute, read_attribute_option
from speakerssl.trials.speakers import read_utt2spk, trial_speakers
from speakerssl.trials.trial_list import Trials, read_trials


def _trials(rows: list[tuple[str, str]], labels: list[int]) -> Trials:
    enrol, test = (list(dict.fromkeys(side)) for side in zip(*rows))
    index = [np.array([ids.index(row[k]) for row in rows], np.int32) for k, ids in enumerate((enrol, test))]
    return Trials(enrol, test, *index, np.array(labels, np.int8), "list")


ROWS = [("a/1", "a/2"), ("a/1", "b/1"), ("b/1", "b/2"), ("c/1", "a/2"), ("c/1", "c/2"), ("a/1", "d/1")]
LABELS = [1, 0, 1, 0, 1, 0]


def test_speakers_of_ids_and_of_a_file(tmp_path: Path) -> None:
    trials = _trials(ROWS, LABELS)
    found = trial_speakers(trials)
    assert [found.names[i] for i in found.enrol] == ["a", "a", "b", "c", "c", "a"]
    assert [found.names[i] for i in found.test] == ["a", "b", "b", "a", "c", "d"]
    flat = _trials([("u1", "u2"), ("spk9", "u1")], [1, 0])
    (tmp_path / "utt2spk").write_text("u1 spk1\nu2 spk9\n")
    table = read_utt2spk(tmp_path / "utt2spk")
    found = trial_speakers(flat, table)
    assert [found.names[i] for i in found.enrol] == ["spk1", "spk9"]
    with pytest.raises(InputError, match="list: the speaker of 'u1' cannot be told from its id; give a file"):
        trial_speakers(flat)
    with pytest.raises(
        InputError, match="list: none of its enrolments is in the utt2spk file: it asks for 'a/1', there is 'u1'"
    ):
        trial_speakers(trials, table)
    folders = _trials([("day1/u1", "day2/u1"), ("day1/u1", "day1/u2")], [1, 0])
    with pytest.raises(InputError, match="list: 'day1/u1 day2/u1' is a target trial, so ids do not begin with"):
        trial_speakers(folders)
    (tmp_path / "utt2spk").write_text("u1 s\nu2 s\nu1 t\n")
    with pytest.raises(InputError, match="utt2spk:3: 'u1' stands twice"):
        read_utt2spk(tmp_path / "utt2spk")


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
    trials = Trials(names, names, *index, np.ones(1000, np.int8), "list")
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


def test_attribute_files(tmp_path: Path) -> None:
    (tmp_path / "utt2lang").write_text("u1 en\nu2 zh\n")
    found = read_attribute_option(str(tmp_path / "utt2lang"))
    assert (found.name, found.values) == ("lang", {"u1": "en", "u2": "zh"})
    (tmp_path / "meta.csv").write_text("VoxCeleb1 ID\tGender\tSet\nid1\tm\tdev\nid2\tf\ttest\n")
    assert read_attribute(tmp_path / "meta.csv", "gender").values == {"id1": "m", "id2": "f"}
    (tmp_path / "vox2.csv").write_text("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid1 ,n1 ,m ,dev \n")
    assert read_attribute_option(f"{tmp_path / 'vox2.csv'}:Gender").values == {"id1": "m"}
    with pytest.raises(InputError, match="name a column as FILE:COLUMN; the columns are VGGFace2 ID, Gender, Set"):
        read_attribute(tmp_path / "vox2.csv")
    with pytest.raises(InputError, match="has no column 'age'"):
        read_attribute(tmp_path / "vox2.csv", "age")
    (tmp_path / "vox2.csv").write_text("id,a,b\nx,1,2\ny,1\n")
    with pytest.raises(InputError, match=r"vox2.csv:3: 2 columns, the header has 3"):
        read_attribute(tmp_path / "vox2.csv", "b")


def test_voxceleb_meta(shared_data: Path) -> None:
    folder = shared_data / "voxceleb_trials"
    trials = read_trials(folder / "vox1_O_original.txt.gz")
    names, part = slice_names(trials, read_attribute(folder / "vox1_meta.csv", "gender"))
    counts = dict(zip(names, np.bincount(part, minlength=len(names)).tolist()))
    assert counts["unknown"] == 0
    assert counts["f"] > 5000
    assert counts["m"] > 5000
