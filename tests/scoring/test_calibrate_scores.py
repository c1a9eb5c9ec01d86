"""Calibration of files: trained, loaded, held out; scores that are lower for the same speaker."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.calibrate_scores import calibrate, flips_sign
from speakerssl.scoring.calibration import cross_validated
from speakerssl.scoring.llr_options import LlrOptions
from speakerssl.trials.score_file import read_scores
from speakerssl.trials.speakers import trial_speakers


@pytest.fixture
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Scores of 400 labelled trials between 12 speakers in `scores`; ids begin with the speaker."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    sides = rng.integers(0, 12, (2, 400))
    labels = (sides[0] == sides[1]) | (rng.random(400) < 0.3)
    sides[1] = np.where(labels, sides[0], sides[1])
    values = np.round(2.0 * labels + rng.standard_normal(400), 6)
    lines = [f"s{a}/{i} s{b}/x{i} {v} {int(y)}\n" for i, (a, b, v, y) in enumerate(zip(*sides, values, labels))]
    Path("scores").write_text("".join(lines))
    negated = [line.split() for line in lines]
    Path("distances").write_text("".join(f"{e} {t} {-float(s)} {y}\n" for e, t, s, y in negated))
    return values


def test_trained_loaded_and_held_out(scores: np.ndarray) -> None:
    done = calibrate("scores", LlrOptions(save="m.json", output="a"))
    assert not done.remarks
    np.testing.assert_array_equal(np.argsort(done.llrs, kind="stable"), np.argsort(scores, kind="stable"))
    loaded = calibrate("scores", LlrOptions(load="m.json", output="b"))
    np.testing.assert_array_equal(loaded.llrs, done.llrs)
    np.testing.assert_allclose(read_scores("b").values, done.llrs, atol=1e-9)
    held_out = calibrate("scores", LlrOptions(output="c", cross_validate=True))
    labels = held_out.trials.require_labels()
    expected = cross_validated(scores[:, None], labels, trial_speakers(held_out.trials))
    np.testing.assert_array_equal(held_out.llrs, expected)


def test_inverted_scores_are_turned_and_it_is_said(scores: np.ndarray) -> None:
    right, turned = (calibrate(path, LlrOptions(output="x")) for path in ("scores", "distances"))
    assert flips_sign(turned.model)
    assert not flips_sign(right.model)
    assert turned.remarks[0].startswith("distances: scores are lower where speakers are the same")
    np.testing.assert_allclose(turned.llrs, right.llrs, atol=1e-6)
    isotonic = calibrate("distances", LlrOptions(output="x"), "isotonic")
    assert "--method logistic" in isotonic.remarks[0]
    assert not calibrate("scores", LlrOptions(output="x"), "isotonic").remarks


def test_what_does_not_go_together(scores: np.ndarray) -> None:
    for options, message in (
        (LlrOptions(), "nothing to write"),
        (LlrOptions(load="m", save="n"), "--load applies a model"),
    ):
        with pytest.raises(InputError, match=message):
            calibrate("scores", options)
    calibrate("scores", LlrOptions(save="m.json"))
    Path("durations").write_text("".join(f"{name} 3\n" for line in Path("scores").read_text().splitlines()
                                         for name in line.split()[:2]))  # fmt: skip
    with pytest.raises(InputError, match=r"was trained on score, but score, duration.min, duration.max are given"):
        calibrate("scores", LlrOptions(load="m.json", output="x", qualities=[("duration", "durations")]))
    rows = [line.split() for line in Path("scores").read_text().splitlines()]
    Path("bare").write_text("".join(f"{e} {t} {s}\n" for e, t, s, _ in rows))
    with pytest.raises(InputError, match="bare: has no labels to train on; name the trial list with --trials"):
        calibrate("bare", LlrOptions(output="x"))
    Path("pairs").write_text("".join(f"{s} {y}\n" for _, _, s, y in rows))
    with pytest.raises(InputError, match="pairs: has no ids to write scores for"):
        calibrate("pairs", LlrOptions(output="x"))
    assert calibrate("pairs", LlrOptions(save="m.json")).skipped_file is None
