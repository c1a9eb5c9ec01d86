"""Fusion of files: names of systems, trials that all of them have, greedy choice, saved models."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.calibration import Linear
from speakerssl.scoring.fuse_scores import GreedyOptions, fuse, name_systems, read_systems
from speakerssl.scoring.llr_options import LlrOptions
from speakerssl.scoring.logistic import fit_logistic


@pytest.fixture
def labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Labels of 300 trials in `list`; two systems and noise in score files, the second in reverse order."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    pairs = [f"e{i} t{i}" for i in range(300)]
    Path("list").write_text("".join(f"{pair} {label}\n" for pair, label in zip(pairs, labels)))
    for name, strength, step in (("one", 2.0, 1), ("two", 1.5, -1), ("noise", 0.0, 1)):
        lines = [f"{pair} {s:.6f}\n" for pair, s in zip(pairs, strength * labels + rng.standard_normal(300))]
        Path(f"{name}.scores").write_text("".join(lines[::step]))
    return labels


def test_a_fusion_is_the_logistic_regression_of_the_joined_scores(labels: np.ndarray) -> None:
    systems = name_systems(["one.scores", "second=two.scores"])
    assert systems == [("one", "one.scores"), ("second", "two.scores")]
    options = LlrOptions("list", prior=0.1, save="f.json", output="fused")
    given = read_systems(systems, options)
    weights, bias = fit_logistic(given.scores, labels, 0.1)
    done = fuse(systems, options)
    assert isinstance(done.model, Linear)
    np.testing.assert_allclose(done.llrs, given.scores @ weights + bias)
    again = fuse(systems[::-1], LlrOptions("list", load="f.json", output="again"))
    np.testing.assert_allclose(again.llrs, done.llrs)


def test_greedy_takes_the_best_first_and_leaves_noise(labels: np.ndarray) -> None:
    systems = name_systems(["noise.scores", "two.scores", "one.scores"])
    done = fuse(systems, LlrOptions("list", output="x"), GreedyOptions(least_gain=0.01))
    assert list(done.greedy) == ["one", "two"]
    assert list(fuse(systems, LlrOptions("list", output="x"), GreedyOptions(most=1)).greedy) == ["one"]


def test_trials_that_one_system_lacks(labels: np.ndarray) -> None:
    lines = Path("two.scores").read_text().splitlines(True)
    Path("two.scores").write_text("".join(lines[5:]))
    systems = name_systems(["one.scores", "two.scores"])
    with pytest.raises(InputError, match=r"two.scores: no score for 'e295 t295'"):
        fuse(systems, LlrOptions("list", output="x"))
    done = fuse(systems, LlrOptions("list", output="x", skip_missing=True))
    assert (len(done.llrs), len(done.pairs), done.skipped_file) == (295, 5, "x.skipped")
    assert done.pairs[0] == ("e295", "t295")


def test_what_does_not_go_together(labels: np.ndarray) -> None:
    with pytest.raises(InputError, match="two systems are named 'one'; name them with --scores NAME=FILE"):
        name_systems(["one.scores", "one=two.scores"])
    fuse(name_systems(["one.scores", "two.scores"]), LlrOptions("list", save="f.json"))
    three = name_systems(["one.scores", "b=two.scores", "noise.scores"])
    with pytest.raises(InputError, match="trained on 2 systems"):
        fuse(three, LlrOptions("list", load="f.json", output="x"))
