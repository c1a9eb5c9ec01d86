"""Score files brought to one list of trials."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.report.systems import load_systems

Lists = tuple[Path, Path, np.ndarray, np.ndarray]


def test_scores_in_any_order_stand_in_that_of_the_list(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, scores, labels = small_list
    (tmp_path / "turned.txt").write_text("".join(score_file.read_text().splitlines(True)[::-1]))
    found = load_systems([score_file, tmp_path / "turned.txt"], None, trials)
    assert [system.name for system in found.systems] == ["scores", "turned"]
    for system in found.systems:
        np.testing.assert_array_equal(system.scores, scores)
    np.testing.assert_array_equal(found.labels, labels)
    assert (found.listed, found.skipped, found.has_ids) == (len(scores), [], True)


def test_all_systems_keep_what_all_scored(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, scores, _ = small_list
    lines = score_file.read_text().splitlines(True)
    (tmp_path / "one.txt").write_text("".join(lines[2:]))
    (tmp_path / "two.txt").write_text("".join(lines[:-3]))
    files = [tmp_path / "one.txt", tmp_path / "two.txt"]
    with pytest.raises(InputError, match=r"one\.txt: no score for"):
        load_systems(files, None, trials)
    found = load_systems(files, None, trials, skip_missing=True)
    assert len(found.trials) == len(scores) - 5
    assert len(found.skipped) == 5
    for system in found.systems:
        np.testing.assert_array_equal(system.scores, scores[2:-3])


def test_labels_of_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("0.5 1\n0.1 0\n")
    found = load_systems([tmp_path / "s"])
    assert not found.has_ids
    assert found.labels.tolist() == [1, 0]
    with pytest.raises(InputError, match="several score files need --trials LIST"):
        load_systems([tmp_path / "s", tmp_path / "s"], ["a", "b"])


def test_names(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    other = tmp_path / "x" / score_file.name
    other.parent.mkdir()
    other.write_bytes(score_file.read_bytes())
    found = load_systems([score_file, other], None, trials)
    assert [system.name for system in found.systems] == [str(score_file), str(other)]  # one name would be two systems'
    with pytest.raises(InputError, match="--names has 1 names for 2 score files"):
        load_systems([score_file, other], ["a"], trials)
    with pytest.raises(InputError, match="two systems are called 'a'"):
        load_systems([score_file, other], ["a", "a"], trials)
