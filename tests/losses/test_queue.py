"""The momentum queue: a ring in order, negatives out of it, no trouble for backward or for a resumed run."""

from typing import Any

import pytest
import torch
from torch import Tensor

from speakerssl.losses import MomentumQueue, build_loss
from speakerssl.losses.identity import identify
from speakerssl.losses.vectors import normalize
from speakerssl.losses.views import MemoryBatch

D, TAU = 4, 0.2


def batch(seed: int, count: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    view1, view2 = (torch.randn(count, D, generator=generator, dtype=torch.float64) for _ in range(2))
    return view1, view2


def numbered(first: int, count: int) -> MemoryBatch:
    values = torch.arange(first, first + count)
    return MemoryBatch(values[:, None].float().repeat(1, 2), identify(values, values + 100, values[:, None] % 3))


def test_the_queue_is_a_ring_that_forgets_the_oldest() -> None:
    queue = MomentumQueue(size=5)
    expected: list[int] = []
    for first, count in ((0, 2), (2, 2), (4, 2), (6, 3), (9, 7), (16, 1), (17, 4)):
        queue.remember(numbered(first, count))
        expected = [*expected, *range(first, first + count)][-5:]
        assert sorted(queue.recordings.tolist()) == expected
        assert queue.vectors[:, 0].long().tolist() == queue.recordings.tolist()
        assert torch.equal(queue.partners, queue.recordings + 100)
        assert torch.equal(queue.pseudo_labels[:, 0], queue.recordings % 3)


def test_moco_looks_for_the_key_among_the_queue_alone() -> None:
    loss = build_loss({"symmetry": "one_direction", "negatives": {"name": "queue", "size": 8}, "temperature": TAU})
    loss.train()
    queued: list[Tensor] = []
    for seed in range(3):
        view1, view2 = batch(seed)
        output = loss(view1, view2)
        queries, keys = normalize(view1), normalize(view2)
        positive = (queries * keys).sum(1, keepdim=True)
        # While the queue is empty the batch serves; view 2 enters it afterwards.
        others = torch.cat(queued)[-8:] if queued else None
        negatives = queries @ others.T if others is not None else (queries @ keys.T)[~torch.eye(3).bool()].view(3, 2)
        logits = torch.cat([positive, negatives], 1) / TAU
        expected = torch.nn.functional.cross_entropy(logits, torch.zeros(3, dtype=torch.int64))
        assert output.loss.item() == pytest.approx(expected.item(), abs=1e-6)  # the queue is float32
        queued.append(keys)


def test_with_the_batch_the_queue_adds_to_it() -> None:
    loss = build_loss({"symmetry": "dual", "negatives": {"name": "queue", "in_batch": True}, "temperature": TAU})
    loss.train()
    first, second = batch(0), batch(1)
    loss(*first)
    output = loss(*second)
    queue = normalize(torch.cat(first))
    losses = []
    for a, b in (second, second[::-1]):
        queries, keys = normalize(a), normalize(b)
        logits = torch.cat([queries @ keys.T, queries @ queue.T], 1) / TAU
        losses.append(torch.nn.functional.cross_entropy(logits, torch.arange(3)))
    assert output.loss.item() == pytest.approx(torch.stack(losses).mean().item(), abs=1e-6)


def test_both_views_enter_the_queue_of_the_dual_loss_and_the_targets_of_momentum() -> None:
    view1, view2 = batch(0)
    targets = batch(1)
    for symmetry, expected in (("one_direction", [targets[1]]), ("dual", targets), ("both_views", targets)):
        loss: Any = build_loss({"symmetry": symmetry, "negatives": "queue"}).train()
        loss(view1, view2, targets=targets)
        torch.testing.assert_close(loss.negatives[0].vectors, normalize(torch.cat(list(expected))).float())


def test_queue_entries_of_the_same_speaker_are_masked() -> None:
    loss = build_loss({"symmetry": "one_direction", "negatives": "queue", "temperature": TAU}).train()
    loss(*batch(0), identities=identify(torch.tensor([5, 6, 7])))
    view1, view2 = batch(1)
    output = loss(view1, view2, identities=identify(torch.tensor([7, 8, -1])))
    queries, keys, queue = normalize(view1), normalize(view2), normalize(batch(0)[1])
    negatives = queries @ queue.T / TAU
    negatives[0, 2] = -torch.inf
    logits = torch.cat([(queries * keys).sum(1, keepdim=True) / TAU, negatives], 1)
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(3, dtype=torch.int64))
    assert output.loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_the_queue_does_not_change_in_evaluation() -> None:
    loss: Any = build_loss({"negatives": "queue"}).eval()
    loss(*batch(0))
    assert len(loss.negatives[0].recordings) == 0


@pytest.mark.parametrize("block_size", [100, 2])
def test_backward_sees_the_queue_of_its_forward_pass(block_size: int) -> None:
    """The ring moves on before backward runs (and recomputes blocks): gradients must be those of the old queue."""
    loss = build_loss({"negatives": {"name": "queue", "size": 6}, "block_size": block_size}).train()
    for seed in (0, 1):
        loss(*batch(seed))
    view1, view2 = (view.requires_grad_() for view in batch(2))
    still = build_loss({"negatives": {"name": "queue", "size": 6}})
    still.load_state_dict(loss.state_dict())
    (expected,) = torch.autograd.grad(still.eval()(view1, view2).loss, view1)
    output = loss(view1, view2)
    loss(*batch(3))
    (actual,) = torch.autograd.grad(output.loss, view1)
    torch.testing.assert_close(actual, expected)


def test_a_resumed_queue_goes_on_alike() -> None:
    config = {"negatives": {"name": "queue", "size": 10}}
    loss: Any = build_loss(config).train()
    for seed in range(3):
        loss(*batch(seed))
    resumed: Any = build_loss(config).train()
    resumed.load_state_dict(loss.state_dict())
    for seed in range(3, 6):
        assert loss(*batch(seed)).loss.item() == resumed(*batch(seed)).loss.item()
    assert torch.equal(loss.negatives[0].vectors, resumed.negatives[0].vectors)


def test_gradient_in_float64() -> None:
    loss = build_loss({"negatives": "queue", "margin": 0.1}).train()
    loss(*batch(0))
    view1, view2 = (view.requires_grad_() for view in batch(1))
    assert torch.autograd.gradcheck(lambda a, b: loss.eval()(a, b).loss, (view1, view2))


def test_a_delayed_queue_forgets_the_first_steps_and_the_batch_serves() -> None:
    options = {"symmetry": "one_direction", "temperature": TAU}
    delayed = build_loss({**options, "negatives": {"name": "queue", "delay": 2}})
    plain = build_loss(options)
    delayed.train()
    for seed in range(3):
        assert delayed(*batch(seed)).loss.item() == pytest.approx(plain(*batch(seed)).loss.item(), abs=1e-12)
    first, remembered = batch(3)[0], batch(2)[1]  # the third step is the first one that is kept
    queue = normalize(remembered)
    positive = (normalize(first) * normalize(batch(3)[1])).sum(1, keepdim=True)
    logits = torch.cat([positive, normalize(first) @ queue.T], 1) / TAU
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(3, dtype=torch.int64))
    assert delayed(*batch(3)).loss.item() == pytest.approx(expected.item(), abs=1e-6)
