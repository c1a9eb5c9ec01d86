"""What the page draws of a system, in short numbers."""

import json

import numpy as np

from speakerssl.report.model import OperatingPoint, SystemCurves


def curves() -> SystemCurves:
    half = np.array([0.0, 1 / 3, 1.0])
    points = (OperatingPoint("eer", "EER", 0.5, 0.1, 0.1),)
    return SystemCurves(
        "a", 10, 20, 0.1, points, np.array([0, 1, 10]), np.array([20, 2, 0]), half[::-1], half, half, half,
        half[:2], half[:2], half, half,
    )  # fmt: skip


def test_json_is_plain_short_and_keeps_counts_whole() -> None:
    found = curves().to_json(np.array([0.0, 0.5, 1.0]))
    assert json.loads(json.dumps(found)) == found
    assert found["miss"] == [0, 1, 10]
    assert found["det"]["miss"] == [0.0, 0.333333, 1.0]
    assert found["points"] == [{"key": "eer", "label": "EER", "index": 1, "fa": 0.1, "miss": 0.1}]
