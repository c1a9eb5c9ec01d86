"""Trial lists: every form is detected, every bad line is named."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.trials.trial_list import read_trials

PAIRS = [("a/1", "b/1"), ("a/1", "a/2"), ("c", "b/1"), ("a/1", "b/1")]
LABELS = [0, 1, 1, 0]

FORMS = {
    "voxceleb": lambda e, t, y: f"{y} {e} {t}",
    "kaldi": lambda e, t, y: f"{e} {t} {'target' if y else 'nontarget'}",
    "numbers last": lambda e, t, y: f"{e} {t} {y}",
    "unlabelled": lambda e, t, y: f"{e} {t}",
    "tabs and spaces": lambda e, t, y: f"  {y}\t{e}   {t} \r",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("ending", ["", "\n", "\n\n  \n"])
def test_forms(tmp_path: Path, form: str, zipped: bool, ending: str) -> None:
    text = "\n".join(FORMS[form](*pair, label) for pair, label in zip(PAIRS, LABELS)) + ending
    path = tmp_path / "trials"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    trials = read_trials(path)
    assert [trials.pair(row) for row in range(len(trials))] == PAIRS
    assert trials.enrol_ids == ["a/1", "c"]
    assert trials.test_ids == ["b/1", "a/2"]
    assert trials.enrol_index.dtype == np.int32
    if form == "unlabelled":
        assert trials.labels is None
        with pytest.raises(InputError, match="has no labels"):
            trials.require_labels()
    else:
        assert trials.labels is not None
        assert trials.labels.dtype == np.int8
        np.testing.assert_array_equal(trials.require_labels(), LABELS)


def test_ids_that_look_like_labels(tmp_path: Path) -> None:
    path = tmp_path / "trials"
    path.write_text("1 0 target\n0 1 nontarget\n")
    assert read_trials(path).pair(0) == ("1", "0")
    path.write_text("1 000030012 0\n0 000030012 1\n")
    assert read_trials(path).pair(0) == ("000030012", "0")
    path.write_text("1 2 0\n0 3 1\n2 2 1\n")
    assert read_trials(path).pair(2) == ("2", "2")


def test_many_ids_against_a_plain_reader(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"é{i:x}" + "x" * int(n) for i, n in enumerate(rng.integers(0, 40, 20000))]
    pairs = np.unique(rng.integers(0, 20000, (50000, 2)), axis=0)
    rng.shuffle(pairs)
    rows = [(names[i], names[j], int(y)) for (i, j), y in zip(pairs, rng.integers(0, 2, len(pairs)))]
    path = tmp_path / "trials"
    path.write_text("".join(f"{y} {e} {t}\n" for e, t, y in rows))
    trials = read_trials(path)
    assert [trials.pair(row) for row in range(len(rows))] == [(e, t) for e, t, _ in rows]
    assert trials.enrol_ids == list(dict.fromkeys(e for e, _, _ in rows))
    np.testing.assert_array_equal(trials.labels, [y for _, _, y in rows])


def test_select(tmp_path: Path) -> None:
    path = tmp_path / "trials"
    path.write_text("1 a b\n0 a c\n0 d b\n")
    part = read_trials(path).select(np.array([True, False, True]))
    assert [part.pair(0), part.pair(1)] == [("a", "b"), ("d", "b")]
    np.testing.assert_array_equal(part.labels, [1, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"trials: is empty"),
        ("\n \n", r"trials: is empty"),
        ("1 a b\n\n0 a\n", r"trials:3: expected 3 columns as in the first line"),
        ("1 a b\n2 a b\n", r"trials:2: '2' is no label"),
        ("a b target\na b targte\n", r"trials:2: 'targte' is no label"),
        ("a b c\n", r"trials:1: 3 columns; a trial is"),
        ("a b c d\n", r"trials:1: 4 columns; a trial is"),
        ("a b c d e f\n", r"trials:1: 6 columns"),
        ("a\nb\n", r"trials:1: 1 columns"),
    ],
)
def test_bad_lists(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trials"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_trials(path)
    assert "\n" not in str(caught.value)


def test_one_class_and_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "trials"
    path.write_text("1 a b\n1 a c\n")
    with pytest.raises(InputError, match="holds target trials only"):
        read_trials(path).require_labels()
    path.write_bytes(gzip.compress(b"1 a b\n" * 1000)[:-12])
    with pytest.raises(InputError, match="cannot be read"):
        read_trials(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_trials(tmp_path / "none")
    path.write_bytes(b"1 a \xff\n0 a b\n")
    with pytest.raises(InputError, match="column 3 is not UTF-8"):
        read_trials(path)


@pytest.mark.parametrize(
    ("name", "count", "targets"),
    [("vox1_O_original", 37720, 18860), ("vox1_O_cleaned", 37611, 18802), ("vox1_E_original", 581480, 290743)],
)
def test_voxceleb(shared_data: Path, name: str, count: int, targets: int) -> None:
    trials = read_trials(shared_data / "voxceleb_trials" / f"{name}.txt.gz")
    assert len(trials) == count
    assert np.count_nonzero(trials.labels) == targets
    speakers = [[x.split("/")[0] for x in ids] for ids in (trials.enrol_ids, trials.test_ids)]
    same = np.array(speakers[0])[trials.enrol_index] == np.array(speakers[1])[trials.test_index]
    np.testing.assert_array_equal(same, trials.labels == 1)


def test_speechocean(shared_data: Path) -> None:
    trials = read_trials(shared_data / "speechocean762" / "test" / "trials_O")
    assert len(trials) == 20625
    assert trials.pair(0) == ("000030012", "000030119")
