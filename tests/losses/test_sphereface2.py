"""SphereFace2 by its formula, in pieces that `test_classifiers` only sees together."""

import math

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses.margins import AdditiveAngularMargin, AdditiveMargin
from speakerssl.losses.sphereface2 import SphereFace2Head


def test_soft_labels_and_smoothing_weigh_the_two_terms() -> None:
    torch.manual_seed(0)
    head = SphereFace2Head(4, 3, scale=8.0, balance=0.6, curve=2.0, label_smoothing=0.1)
    x, targets = torch.randn(5, 4), torch.softmax(torch.randn(5, 3), 1)
    found = head(x, targets.argmax(1), targets=targets).loss.item()
    losses = []
    for row in range(5):
        total = 0.0
        for c in range(3):
            cosine = torch.cosine_similarity(x[row], head.weight[c], dim=0).item()
            logit = 8 * (2 * ((cosine + 1) / 2) ** 2 - 1) + head.bias.item()
            share = 0.9 * targets[row, c].item() + 0.1 / 3
            total += 0.6 * share * math.log1p(math.exp(-logit)) + 0.4 * (1 - share) * math.log1p(math.exp(logit))
        losses.append(total)
    assert found == pytest.approx(sum(losses) / 5, rel=1e-5)


def test_the_margin_makes_it_harder_for_every_class() -> None:
    torch.manual_seed(0)
    x, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    losses = []
    for margin in (0.0, 0.2, 0.4):
        torch.manual_seed(1)
        losses.append(SphereFace2Head(4, 3, AdditiveMargin(margin))(x, labels).loss.item())
    assert losses == sorted(losses)
    assert losses[0] < losses[2]


def test_what_it_cannot_take() -> None:
    with pytest.raises(InputError, match="sphereface2 takes a number or an additive margin"):
        SphereFace2Head(4, 3, AdditiveAngularMargin(0.2))
    with pytest.raises(InputError, match="balance"):
        SphereFace2Head(4, 3, balance=1.5)
