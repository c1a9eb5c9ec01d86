"""The plain softmax classifier against torch's."""

import torch
from torch.nn import functional

from speakerssl.losses.linear import LinearHead


def head_and_batch() -> tuple[LinearHead, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    head = LinearHead(5, 7)
    torch.nn.init.uniform_(head.bias, -1, 1)
    return head, torch.randn(6, 5), torch.tensor([0, 6, 1, 2, 2, 5])


def test_the_loss_is_cross_entropy_of_logits() -> None:
    head, x, labels = head_and_batch()
    logits = x @ head.weight.T + head.bias
    torch.testing.assert_close(head.logits(x), logits)
    torch.testing.assert_close(head(x, labels).loss, functional.cross_entropy(logits, labels))


def test_a_share_of_the_classes_is_cross_entropy_over_these() -> None:
    head, x, labels = head_and_batch()
    shared = LinearHead(5, 7, class_share=0.9)
    shared.load_state_dict(head.state_dict())
    shared.train()
    loss = shared(x, labels).loss
    loss.backward()
    assert shared.weight.grad is not None
    touched = shared.weight.grad.abs().sum(1) > 0
    assert set(labels.tolist()) <= set(touched.nonzero()[:, 0].tolist())
    assert loss.item() <= head(x, labels).loss.item() + 1e-6  # fewer rivals


def test_half_precision_embeddings_give_half_precision_logits() -> None:
    head, x, _ = head_and_batch()
    assert head.logits(x.bfloat16()).dtype == torch.bfloat16
