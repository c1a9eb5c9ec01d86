"""Score files written: every number reads back, in few digits."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerssl.trials import score_writer
from speakerssl.trials.score_file import read_scored_trials, read_scores, round_scores, write_scores
from speakerssl.trials.trial_list import Trials, read_trials


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    path = tmp_path / "trials"
    path.write_text("0 a/1 b/1\n1 a/1 a/2\n0 c b/1\n")
    return read_trials(path)


SCORES = [0.25, -1.5e-3, 12.0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(max_examples=80, deadline=None)
def test_every_float_reads_back(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / "roundtrip.txt"
    index = np.arange(len(values), dtype=np.int32)
    names = [str(i) + "é/x" for i in range(len(values))]
    write_scores(path, Trials(names, names, index, index[::-1], None), np.array(values))
    found = read_scores(path)
    assert found.trials is not None
    np.testing.assert_array_equal(found.values, values)
    assert found.trials.pair(0) == (names[0], names[-1])


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_rounded_scores_take_few_digits_and_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    path = tmp_path_factory.getbasetemp() / "rounded.txt"
    index = np.zeros(len(values), np.int32)
    rounded = round_scores(np.array(values))
    write_scores(path, Trials(["a"], ["b"], index, index, None), rounded)
    np.testing.assert_array_equal(read_scores(path).values, rounded)
    assert np.abs(rounded - values).max() <= 5.1e-10
    assert max(map(len, path.read_text().split())) <= 12


@pytest.mark.parametrize("name", ["scores.txt", "scores.txt.gz"])
def test_labels_and_gzip(tmp_path: Path, trials: Trials, name: str) -> None:
    write_scores(tmp_path / name, trials, np.array(SCORES), with_labels=True)
    found = read_scored_trials(tmp_path / name)
    np.testing.assert_array_equal(found.scores, SCORES)
    np.testing.assert_array_equal(found.trials.labels, [0, 1, 0])
    if name == "scores.txt":
        text = (tmp_path / name).read_text()
        assert text == "a/1 b/1 0.25 nontarget\na/1 a/2 -0.0015 target\nc b/1 12.0 nontarget\n"


@pytest.mark.parametrize("odd", [0.25, 1e-12])
def test_blocks_write_what_one_block_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: float) -> None:
    rng = np.random.default_rng(0)
    names = ["a", "spk/é", "c/long/name"]
    enrol, test = rng.integers(0, 3, (2, 100)).astype(np.int32)
    trials = Trials(names, names, enrol, test, np.arange(100, dtype=np.int8) % 2)
    values = round_scores(rng.standard_normal(100))
    values[90] = odd  # one number that needs more decimals decides the form of all
    write_scores(tmp_path / "whole", trials, values, with_labels=True)
    monkeypatch.setattr(score_writer, "LINES", 7)
    write_scores(tmp_path / "blocks", trials, values, with_labels=True)
    assert (tmp_path / "blocks").read_bytes() == (tmp_path / "whole").read_bytes()
    write_scores(tmp_path / "none", trials.select(np.zeros(100, bool)), values[:0])
    assert (tmp_path / "none").read_bytes() == b""
