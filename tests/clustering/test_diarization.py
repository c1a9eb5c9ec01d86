"""Who speaks when: turns of windows against a slow reading, a calibrated threshold, and a made conversation."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from speakerssl.clustering.cluster import ClusterOptions
from speakerssl.clustering.diarization import calibrated, turns_of_windows, who_speaks_when
from speakerssl.data.rttm import Turn
from speakerssl.embeddings.decision import Decision
from speakerssl.errors import InputError

DECISION = Decision(
    20.0, -10.0, np.array([0.0, 0.5, 0.9]), np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.1, 0.0]), "made", (9, 9)
)


def test_turns_meet_in_the_middle_of_an_overlap() -> None:
    times = np.array([[0.0, 1.5], [0.75, 2.25], [1.5, 3.0], [4.0, 5.0], [5.5, 6.0]])
    turns = turns_of_windows("a", times, np.array([7, 7, 2, 2, -1]))
    assert turns == [
        Turn("a", 0.0, 1.875, "speaker1"),
        Turn("a", 1.875, 3.0, "speaker2"),
        Turn("a", 4.0, 5.0, "speaker2"),
    ]
    assert turns_of_windows("a", times[:1], np.array([1]), ["ben", "ana"])[0].speaker == "ana"


def test_every_instant_belongs_to_one_window() -> None:
    starts = np.arange(0, 30, 0.7)
    times = np.stack([starts, starts + 1.5], axis=1)
    labels = np.random.default_rng(0).integers(0, 3, len(times))
    turns = turns_of_windows("a", times, labels)
    assert turns[0].begin == 0.0
    assert turns[-1].end == pytest.approx(times[-1, 1])
    assert all(one.end == two.begin and one.speaker != two.speaker for one, two in pairwise(turns))


@dataclass
class Windows:
    times: np.ndarray
    embeddings: np.ndarray


@dataclass
class Model:
    """Two speakers in turns of five windows; what is embedded is the speaker's direction and noise."""

    decision: Decision | None = None
    turns: int = 6

    def embed_segments(self, audio: Any, window: float = 3.0, step: float = 1.5, vad: str = "energy") -> Windows:
        rng = np.random.default_rng(0)
        count = 5 * self.turns
        who = np.arange(count) // 5 % 2
        rows = np.eye(2, 24)[who] + 0.08 * rng.standard_normal((count, 24))
        starts = step * np.arange(count)
        times = np.stack([starts, starts + window], axis=1)
        return Windows(times, (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [
        ClusterOptions(),
        ClusterOptions(clusters=2),
        ClusterOptions(linkage="average", threshold=0.5),
        ClusterOptions("spectral"),
        ClusterOptions("kmeans", 2),
        ClusterOptions("hdbscan", smallest=4),
    ],
)
def test_a_made_conversation(options: ClusterOptions) -> None:
    turns = who_speaks_when(Model(DECISION), "a.wav", "a", options, window=1.0, step=1.0)
    assert [one.speaker for one in turns] == ["speaker1", "speaker2"] * 3
    assert [one.begin for one in turns] == [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]


def test_one_window_and_none() -> None:
    model = Model(DECISION)
    model.turns = 0
    with pytest.raises(InputError, match="a: no speech"):
        who_speaks_when(model, "a.wav", "a", ClusterOptions())


def test_the_threshold_is_the_models() -> None:
    found = calibrated(ClusterOptions(), DECISION)
    assert (found.linkage, found.threshold, found.center) == ("average", pytest.approx(0.5), False)
    assert calibrated(ClusterOptions(), DECISION, p_target=0.1).threshold > 0.5
    assert calibrated(ClusterOptions(clusters=3), None).threshold is None
    with pytest.raises(InputError, match="the model has no calibration"):
        calibrated(ClusterOptions(), None)
