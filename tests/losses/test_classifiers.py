"""Every classification loss by its word: against a slow loop, in what it learns, and in its errors."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.losses import CLASSIFIERS, build_head

N, D, C = 6, 5, 7
LABELS = torch.tensor([0, 6, 1, 2, 2, 5])


def embeddings() -> Tensor:
    return 12 * torch.randn(N, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def cosine(x: Tensor, w: Tensor) -> float:
    return float(x @ w / (x.norm() * w.norm()))


def log_softmax_loss(logits: list[float], label: int) -> float:
    return math.log(sum(math.exp(logit) for logit in logits)) - logits[label]


def slow(word: str, head: Any) -> float:
    """The mean loss, one number at a time, by the papers' formulas; statistics as they are before the first batch."""
    weight = head.weight.detach()
    losses = []
    norms = [float(x.norm()) for x in embeddings()]
    for x, label, norm in zip(embeddings(), LABELS.tolist(), norms):
        if word == "softmax":
            losses.append(log_softmax_loss([float(x @ w + b) for w, b in zip(weight, head.bias.detach())], label))
            continue
        k = getattr(head, "subcentres", 1)
        cosines = [max(cosine(x, w) for w in weight[c * k : (c + 1) * k]) for c in range(C)]
        angles = [math.acos(c) for c in cosines]
        if word == "sphereface2":
            curved = [2 * ((c + 1) / 2) ** 3 - 1 for c in cosines]
            own = 0.7 * math.log(1 + math.exp(-(32 * (curved[label] - 0.2))))
            others = [0.3 * math.log(1 + math.exp(32 * (g + 0.2))) for c, g in enumerate(curved) if c != label]
            losses.append(own + sum(others))
            continue
        logits, extra = list(cosines), 0.0
        if word == "am":
            logits[label] -= 0.2
        elif word in ("aam", "subcentre_aam", "inter_topk"):
            logits[label] = math.cos(angles[label] + 0.2)
        elif word == "curricularface":
            logits[label] = math.cos(angles[label] + 0.2)
            logits = [c * c if i != label and c > logits[label] else c for i, c in enumerate(logits)]  # T = 0
        elif word == "magface":
            a = min(max(norm, 10), 110)
            logits[label] = math.cos(angles[label] + 0.01 + 0.04 * (a - 10) / 100)
            extra = 20 * (a / 110**2 + 1 / a)
        elif word == "adaface":
            z = min(max((min(max(norm, 1e-3), 100) - 20) / 100.001 * 0.333, -1), 1)
            logits[label] = math.cos(min(max(angles[label] - 0.2 * z, 0), math.pi)) - (0.2 * z + 0.2)
        if word == "inter_topk":
            for c in sorted((c for c in range(C) if c != label), key=lambda c: -cosines[c])[:5]:
                logits[c] = math.cos(max(angles[c] - 0.06, 0))
        losses.append(log_softmax_loss([30 * logit for logit in logits], label) + extra)
    return sum(losses) / N


@pytest.mark.parametrize("word", CLASSIFIERS)
def test_equals_a_slow_loop(word: str) -> None:
    torch.manual_seed(0)
    head = build_head({"name": word}, D, C).double().eval()
    assert head(embeddings(), LABELS).loss.item() == pytest.approx(slow(word, head), abs=1e-6)


@pytest.mark.parametrize("word", CLASSIFIERS)
def test_gradient_in_float64(word: str) -> None:
    torch.manual_seed(0)
    options = {} if word in ("softmax", "sphereface2") else {"scale": 5}
    head = build_head({"name": word, **options}, D, C).double().eval()
    inputs = (20 * embeddings()).requires_grad_()  # norms above the range of MagFace and AdaFace: constants there
    inputs = inputs if word != "softmax" else embeddings().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: head(x, LABELS).loss, (inputs,), atol=1e-6)


@pytest.mark.parametrize("word", CLASSIFIERS)
def test_learns_unseen_points_of_its_classes(word: str) -> None:
    torch.manual_seed(0)
    centres, labels = torch.randn(8, 16), torch.arange(64) % 8
    train, test = (centres[labels] + 0.5 * torch.randn(64, 16) for _ in range(2))
    head = build_head({"name": word}, 16, 8).train()
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for step in range(60):
        optimizer.zero_grad()
        head(train, labels, step).loss.backward()
        optimizer.step()
    assert (head.logits(test).argmax(1) == labels).float().mean() > 0.9


def test_a_margin_is_laid_over_that_of_the_word() -> None:
    plain: Any = build_head({}, 8, 3)
    assert plain.margin.value == 0.2
    other: Any = build_head({"name": "aam", "margin": 0.5}, 8, 3)
    assert other.margin.value == 0.5
    ramp: Any = build_head({"name": "am", "margin": {"schedule": "cosine_ramp", "ramp_steps": 10}}, 8, 3).margin
    assert (ramp.at(0), ramp.at(10)) == (0, 0.2)
    assert type(build_head({"name": "am", "margin": {"name": "sphere", "value": 2}}, 8, 3).margin).__name__ == (
        "SphereFaceMargin"
    )
    assert build_head({"name": "subcentre_aam"}, 8, 3).weight.shape == (9, 8)
    assert build_head({"name": "inter_topk"}, 8, 3).inter_topk == 2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"subcenters": 3}, "loss 'aam': unknown key 'subcenters'.*subcentres"),
        ({"name": "arc"}, "unknown classification loss 'arc'; the known ones are: .*aam"),
        ({"name": "softmax", "margin": 0.2}, "loss 'softmax': unknown key 'margin'"),
        ({"name": "sphereface2", "margin": {"name": "sphere"}}, "takes a number or an additive margin"),
    ],
)
def test_a_typo_is_told_with_the_valid_ones(config: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_head(config, D, C)
