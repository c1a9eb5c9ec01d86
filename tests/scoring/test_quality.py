"""Quality measures: symmetric inputs, logarithms of durations, files, missing values."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.quality import norm_quality, quality_inputs, read_quality
from speakerssl.trials.trial_list import Trials

TRIALS = Trials(["a", "b"], ["b", "c"], np.array([0, 1, 0]), np.array([0, 1, 1]), None, "list")
DURATIONS = {"a": 2.0, "b": 8.0, "c": 0.5}


def test_smaller_and_larger_side() -> None:
    names, values = quality_inputs(TRIALS, {"duration": DURATIONS, "norm": DURATIONS})
    assert names == ["duration.min", "duration.max", "norm.min", "norm.max"]
    expected = np.array([[2, 8], [0.5, 8], [0.5, 2]])
    np.testing.assert_allclose(np.exp(values[:, :2]), expected)
    np.testing.assert_allclose(values[:, 2:], expected)


def test_sides_may_be_exchanged() -> None:
    turned = Trials(TRIALS.test_ids, TRIALS.enrol_ids, TRIALS.test_index, TRIALS.enrol_index, None, "list")
    np.testing.assert_array_equal(
        quality_inputs(TRIALS, {"x": DURATIONS})[1], quality_inputs(turned, {"x": DURATIONS})[1]
    )


def test_no_measures() -> None:
    names, values = quality_inputs(TRIALS, {})
    assert names == []
    assert values.shape == (3, 0)


def test_norms() -> None:
    assert norm_quality(Embeddings(["a", "b"], np.array([[3, 4], [0, 2]], np.float32))) == {"a": 5.0, "b": 2.0}


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "utt2dur"
    path.write_text("a 2.5\nb 1e1\n")
    assert read_quality(path) == {"a": 2.5, "b": 10.0}
    for value in ("nan", "inf", "long"):
        path.write_text(f"a 2.5\nb {value}\n")
        with pytest.raises(InputError, match=f"utt2dur:2: the value '{value}' of 'b' is not a finite number"):
            read_quality(path)


def test_bad_input() -> None:
    with pytest.raises(InputError, match=r"quality 'x': no value for 'c' of list \(1 ids lack one\)"):
        quality_inputs(TRIALS, {"x": {"a": 1, "b": 1}})
    with pytest.raises(InputError, match="quality 'duration': the value of 'c' is 0, not positive"):
        quality_inputs(TRIALS, {"duration": {**DURATIONS, "c": 0.0}})
