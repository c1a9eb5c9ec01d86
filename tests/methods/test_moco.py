"""MoCo: the loss is that of queries against keys and queue; the queue remembers keys and masks own recordings."""

import pytest
import torch

from speakerssl.methods import Batch

from .conftest import views_of


def unit(values: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(values, dim=1)


@pytest.mark.parametrize("symmetry", ["one_direction", "dual"])
def test_loss_against_a_loop(make, symmetry: str) -> None:
    method = make("moco", loss={"temperature": 0.2, "symmetry": symmetry})
    old, new = views_of(2, batch=4, seed=1), views_of(2, batch=4, seed=2)
    method(Batch(old, torch.tensor([0, 1, 2, 3])), 0)  # fills the queue
    with torch.no_grad():
        q = [unit(method.projector(method.encoder(view))) for view in new]
        k = [unit(method.teacher_projector(method.teacher(view))) for view in new]
    queue = method.loss.negatives[0].vectors.clone()
    recordings = torch.tensor([0, 1, 2, 3]).repeat(len(queue) // 4)
    output = method(Batch(new, torch.tensor([3, 7, 8, 9])), 1)
    losses = []
    for anchors, positives in [(q[0], k[1]), (q[1], k[0])][: 1 if symmetry == "one_direction" else 2]:
        for i, recording in enumerate([3, 7, 8, 9]):
            positive = torch.exp(anchors[i] @ positives[i] / 0.2)
            others = sum(torch.exp(anchors[i] @ v / 0.2) for v, r in zip(queue, recordings) if r != recording)
            losses.append(-torch.log(positive / (positive + others)))
    assert output.loss.item() == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)


def test_the_queue_holds_the_teachers_keys(make) -> None:
    method = make("moco", loss={"symmetry": "one_direction"})
    for parameter in method.teacher_projector.parameters():
        parameter.data.normal_()
    views = views_of(2, batch=4)
    with torch.no_grad():
        keys = unit(method.teacher_projector(method.teacher(views[1])))
    method(Batch(views, torch.arange(4)), 0)
    torch.testing.assert_close(method.loss.negatives[0].vectors, keys, rtol=1e-5, atol=1e-6)
    assert method.loss.negatives[0].recordings.tolist() == [0, 1, 2, 3]
