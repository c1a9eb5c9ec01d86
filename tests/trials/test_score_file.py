"""Score files: read in every form, joined by pair, written so that they read back exactly."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.trials.score_file import join, read_scored_trials, read_scores, write_scores
from speakerssl.trials.trial_list import Trials, read_trials

PAIRS = [("a/1", "b/1"), ("a/1", "a/2"), ("c", "b/1")]

SCORES = [0.25, -1.5e-3, 12.0]


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    path = tmp_path / "trials"
    path.write_text("0 a/1 b/1\n1 a/1 a/2\n0 c b/1\n")
    return read_trials(path)


@pytest.mark.parametrize(
    "form",
    [
        lambda e, t, s, y: f"{e} {t} {s}",
        lambda e, t, s, y: f"{e} {t} {s} {y}",
        lambda e, t, s, y: f"{e} {t} {s} {'target' if y else 'nontarget'}",
        lambda e, t, s, y: f"{s} {e} {t}",
        lambda e, t, s, y: f"{y} {e} {t} {s}",
    ],
)
def test_forms(tmp_path: Path, trials: Trials, form: object) -> None:
    path = tmp_path / "scores"
    assert trials.labels is not None
    rows = [form(*p, s, y) for p, s, y in zip(PAIRS, SCORES, trials.labels)]  # type: ignore[operator]
    path.write_text("\n".join(rows[i] for i in (2, 0, 1)))
    found = read_scored_trials(path, trials.path)
    np.testing.assert_array_equal(found.scores, SCORES)
    np.testing.assert_array_equal(found.trials.labels, [0, 1, 0])
    if read_scores(path).labels is not None:
        alone = read_scored_trials(path)
        np.testing.assert_array_equal(alone.trials.labels, [0, 0, 1])


@pytest.mark.parametrize("form", ["{s} {y}", "{y} {s}"])
def test_scores_without_ids(tmp_path: Path, trials: Trials, form: str) -> None:
    path = tmp_path / "scores"
    path.write_text("\n".join(form.format(s=s, y=y) for s, y in zip(SCORES, (0, 1, 0))))
    found = read_scored_trials(path)
    np.testing.assert_array_equal(found.scores, SCORES)
    np.testing.assert_array_equal(found.trials.require_labels(), [0, 1, 0])
    np.testing.assert_array_equal(read_scored_trials(path, trials.path).scores, SCORES)
    path.write_text("0.5 1\n")
    with pytest.raises(InputError, match="1 scores without ids for the 3 trials"):
        read_scored_trials(path, trials.path)


def test_numeric_ids(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    path.write_text("000030012 000030119 0.5\n000030012 000240073 -0.25\n")
    scores = read_scores(path)
    assert scores.trials is not None
    assert scores.trials.pair(1) == ("000030012", "000240073")
    path.write_text("0.5 000030012 000030119\n-0.25 000030012 000240073\n")
    np.testing.assert_array_equal(read_scores(path).values, [0.5, -0.25])


def test_join_finds_pairs_in_any_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    index = np.unique(rng.integers(0, 40, (500, 2)), axis=0)
    names = [f"u{i}" for i in range(40)]
    trials = Trials(names, names, index[:, 0].astype(np.int32), index[:, 1].astype(np.int32), None, "list")
    values = rng.standard_normal(len(index))
    order = rng.permutation(len(index))
    write_scores(tmp_path / "s", trials.select(order), values[order])
    more = "x y 1.0\nu0 y 2.0\n" + (tmp_path / "s").read_text()
    (tmp_path / "s").write_text(more)
    np.testing.assert_array_equal(join(read_scores(tmp_path / "s"), trials).scores, values)


def test_missing_pairs(tmp_path: Path, trials: Trials) -> None:
    path = tmp_path / "scores"
    path.write_text("c b/1 3.0\na/1 b/1 1.0\n")
    with pytest.raises(InputError, match=r"scores: no score for 'a/1 a/2' \(.*trials:2; 1 such\)"):
        read_scored_trials(path, trials.path)
    found = read_scored_trials(path, trials.path, skip_missing=True)
    assert found.skipped == [("a/1", "a/2")]
    np.testing.assert_array_equal(found.scores, [1, 3])
    np.testing.assert_array_equal(found.trials.labels, [0, 0])
    path.write_text("p q 3.0\n")
    with pytest.raises(InputError, match="holds none of the pairs"):
        read_scored_trials(path, trials.path, skip_missing=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b 0.5\na c nan\n", "scores:2: the score is nan"),
        ("a b 0.5\n\na c -inf\n", "scores:3: the score is -inf"),
        ("a b 0.5\na c x\n", "scores:2: not a score"),
        ("a b 0.5\na b 0.6\nc d 1.0\n", None),
        ("a b c\n", "scores:1: not a score"),
        ("0.5 maybe\n", "scores:1: not a score"),
        ("a b 0.5\na c\n", "scores:2: expected 3 columns"),
        ("a b 1_0\n", "scores:1: not a score"),
    ],
)
def test_bad_scores(tmp_path: Path, text: str, message: str | None) -> None:
    path = tmp_path / "scores"
    path.write_text(text)
    if message is None:
        (tmp_path / "trials").write_text("1 a b\n0 c d\n")
        with pytest.raises(InputError, match="pair 'a b' stands there with two different scores"):
            read_scored_trials(path, tmp_path / "trials")
        return
    with pytest.raises(InputError, match=message) as caught:
        read_scores(path)
    assert "\n" not in str(caught.value)
