"""Who speaks in a trial."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.trials.speakers import read_utt2spk, trial_speakers
from speakerssl.trials.trial_list import Trials

LABELS = [1, 0, 1, 0, 1, 0]

ROWS = [("a/1", "a/2"), ("a/1", "b/1"), ("b/1", "b/2"), ("c/1", "a/2"), ("c/1", "c/2"), ("a/1", "d/1")]


def _trials(rows: list[tuple[str, str]], labels: list[int]) -> Trials:
    enrol, test = (list(dict.fromkeys(side)) for side in zip(*rows))
    first, second = (np.array([ids.index(row[k]) for row in rows], np.int32) for k, ids in enumerate((enrol, test)))
    return Trials(enrol, test, first, second, np.array(labels, np.int8), "list")


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
