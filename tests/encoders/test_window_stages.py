"""What sees a whole recording inside an encoder, from windows."""

import pytest
import torch

from speakerssl.encoders.blocks import SqueezeExcitation
from speakerssl.encoders.pooling import POOLINGS
from speakerssl.encoders.window_stages import GateStage, Moments, PoolingStage, StopForward, stage_of, staged


def test_moments_are_those_of_a_weighted_softmax() -> None:
    torch.manual_seed(0)
    x, scores = torch.randn(1, 3, 500) * 5 + 20, 30 * torch.randn(1, 3, 500)
    moments = Moments()
    for cut in (slice(0, 10), slice(10, 300), slice(300, 500)):
        moments.add(x[..., cut], scores[..., cut])
    weights = torch.softmax(scores.double(), dim=2)
    mean = (weights * x).sum(2, keepdim=True)
    variance = (weights * (x - mean).square()).sum(2, keepdim=True)
    torch.testing.assert_close(moments.result()[0], mean.float())
    torch.testing.assert_close(moments.result()[1], variance.float(), atol=1e-5, rtol=1e-4)


def test_every_module_that_sees_the_whole_is_a_stage() -> None:
    assert isinstance(stage_of(SqueezeExcitation(8)), GateStage)
    for build in POOLINGS.values():
        assert isinstance(stage_of(build(8)), PoolingStage)
    assert stage_of(torch.nn.Conv1d(2, 2, 1)) is None


def test_a_stage_takes_its_share_then_answers_and_leaves_no_trace() -> None:
    torch.manual_seed(0)
    gate, x = SqueezeExcitation(8), torch.randn(1, 8, 40)
    whole = gate(x)
    before = dict(vars(gate))
    with staged(gate, lambda window: window) as reached:
        for begin in (0, 15, 30):
            with pytest.raises(StopForward):
                gate(x[..., begin : begin + 15])
        (stage,) = reached
        assert not stage.is_known
        stage.finish_step()
        assert stage.is_known
        assert stage.frames == 40
        torch.testing.assert_close(torch.cat([gate(x[..., :15]), gate(x[..., 15:])], dim=2), whole)
    assert vars(gate).keys() == before.keys()
    torch.testing.assert_close(gate(x), whole)
