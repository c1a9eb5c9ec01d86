"""The gate keeps and compares losses; corrections come from the most confident view."""

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods.label_trust import LabelCorrection, build_correction, build_gate


def test_a_dynamic_gate_believes_all_at_first_and_then_parts_the_humps() -> None:
    rng = np.random.default_rng(0)
    losses = torch.from_numpy(np.exp(np.concatenate([rng.normal(-2, 0.3, 80), rng.normal(2, 0.3, 20)]))).float()
    gate = build_gate({}, 100)
    gate.observe(torch.arange(100), losses)
    assert bool(gate.believed(losses, 0.9).all())
    assert bool(gate.believed(losses, 1.0).all())  # no epoch has ended: there is no threshold yet
    gate.end_epoch()
    assert gate.believed(losses, 1.0).tolist() == [True] * 80 + [False] * 20
    again = build_gate({}, 100)
    again.load_state_dict(gate.state_dict())
    assert torch.equal(again.threshold, gate.threshold)


def test_a_fixed_gate_keeps_its_threshold() -> None:
    gate = build_gate({"kind": "fixed", "threshold": 2.0, "start_epoch": 0}, 3)
    gate.observe(torch.arange(3), torch.ones(3))
    gate.end_epoch()
    assert gate.believed(torch.tensor([1.0, 2.0, 2.1]), 0).tolist() == [True, True, False]


def test_the_most_confident_view_teaches_and_its_prediction_is_sharpened() -> None:
    logits = torch.log(torch.tensor([[[0.6, 0.4], [0.45, 0.55]], [[0.2, 0.8], [0.5, 0.5]]]))  # [2 views, 2, 2]
    targets, teacher, confident = LabelCorrection(confidence=0.6, temperature=0.5).targets(logits)
    assert teacher.tolist() == [1, 0]
    assert confident.tolist() == [True, False]
    expected = torch.tensor([[0.2**2, 0.8**2], [0.45**2, 0.55**2]])
    assert torch.allclose(targets, expected / expected.sum(1, keepdim=True))


def test_bad_options_are_an_error() -> None:
    for config in ({"kind": "fixed"}, {"threshold": 1.0}, {"kind": "slow"}):
        with pytest.raises(InputError, match="kind is 'dynamic', or 'fixed' with a threshold"):
            build_gate(config, 3)
    with pytest.raises(InputError, match="correct: unknown key 'sharpen'"):
        build_correction({"sharpen": 1})
    assert build_gate(None, 3) is None
    assert build_correction(None) is None
