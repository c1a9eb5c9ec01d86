"""Classification heads against slow loops; sub-centres; the inter-top-k penalty; bad labels."""

import math

import pytest
import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.losses import ClassificationHead, build_head

N, D, C = 6, 5, 4
LABELS = torch.tensor([0, 3, 1, 2, 2, 0])
MARGINS = ("none", "additive", "additive_angular", "sphere", "curricular", "magface", "adaface")


def embeddings() -> Tensor:
    return 12 * torch.randn(N, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def head(**config: object) -> ClassificationHead:
    torch.manual_seed(0)
    built = build_head(config, D, C)
    assert isinstance(built, ClassificationHead)
    return built.double()


def slow(built: ClassificationHead, m: float, angular: bool, topk: int = 0, penalty: float = 0.0) -> float:
    centres = built.weight.detach().view(C, built.subcentres, D)
    losses = []
    for x, label in zip(embeddings(), LABELS.tolist(), strict=True):
        cosines = [max((x @ w / (x.norm() * w.norm())).item() for w in centres[c]) for c in range(C)]
        wrong = sorted((c for c in range(C) if c != label), key=lambda c: -cosines[c])[:topk]
        logits = []
        for c in range(C):
            angle = math.acos(cosines[c])
            if c == label:
                logits.append(math.cos(angle + m) if angular else cosines[c] - m)
            else:
                logits.append(math.cos(max(angle - penalty * m / 0.2, 0)) if c in wrong else cosines[c])
        scaled = [built.scale * logit for logit in logits]
        losses.append(math.log(sum(map(math.exp, scaled))) - scaled[label])
    return sum(losses) / N


@pytest.mark.parametrize("name", ["additive", "additive_angular"])
@pytest.mark.parametrize("subcentres", [1, 3])
@pytest.mark.parametrize("topk", [0, 2])
def test_equals_a_slow_loop(name: str, subcentres: int, topk: int) -> None:
    margin = {"name": name, "value": 0.3}
    built = head(margin=margin, scale=15, subcentres=subcentres, inter_topk=topk, topk_penalty=0.06)
    expected = slow(built, 0.3, name == "additive_angular", topk, 0.06)
    assert built(embeddings(), LABELS).loss.item() == pytest.approx(expected, abs=1e-6)


def test_without_a_margin_it_is_the_normalized_softmax() -> None:
    built = head(margin="none", scale=20)
    cosines = torch.nn.functional.normalize(embeddings()) @ torch.nn.functional.normalize(built.weight).T
    expected = torch.nn.functional.cross_entropy(20 * cosines, LABELS)
    output = built(embeddings(), LABELS)
    assert output.loss.item() == pytest.approx(expected.item(), abs=1e-12)
    assert output.logs["accuracy"] == pytest.approx((cosines.argmax(1) == LABELS).double().mean().item())


def test_the_inter_topk_penalty_follows_the_scheduled_margin() -> None:
    ramp = {"name": "additive_angular", "value": 0.2, "schedule": "cosine_ramp", "ramp_steps": 10}
    built = head(margin=ramp, inter_topk=2)
    plain = head(margin="none")
    assert built(embeddings(), LABELS, step=0).loss.item() == pytest.approx(
        plain(embeddings(), LABELS).loss.item(), abs=1e-6
    )
    assert built(embeddings(), LABELS, step=10).logs["margin"] == pytest.approx(0.2)


@pytest.mark.parametrize("name", MARGINS)
def test_gradient_in_float64(name: str) -> None:
    built = head(margin=name, scale=5, subcentres=2).eval()
    # AdaFace's norm is detached and MagFace's clipped: both are constants for norms above their range.
    inputs = (20 * embeddings()).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: built(x, LABELS).loss, (inputs,), atol=1e-6)


@pytest.mark.parametrize("name", MARGINS)
@pytest.mark.parametrize("end", [1, -1])
def test_bf16_on_a_class_centre_is_finite(name: str, end: int) -> None:
    built = head(margin=name, scale=64, inter_topk=2).float().train()
    inputs = (end * built.weight.detach()[LABELS]).bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = built(inputs, LABELS)
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert torch.isfinite(inputs.grad).all()
    assert torch.isfinite(built.weight.grad).all()


def test_a_head_learns_its_classes() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(8, 64)[torch.arange(64) % 8] + 0.3 * torch.randn(64, 64)
    built = build_head({"margin": {"name": "additive", "value": 0.2}, "subcentres": 3}, 64, 8).train()
    optimizer = torch.optim.Adam(built.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        output = built(inputs, torch.arange(64) % 8)
        output.loss.backward()
        optimizer.step()
    assert output.logs["accuracy"] == 1.0
    assert output.logs["p_plus"] > 0.95


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1, 2, 3, 4, 0]), "labels must be from 0 to 3, got 0 to 4"),
        (torch.tensor([0, 1, -1, 3, 3, 0]), "got -1 to 3"),
        (torch.zeros(5, dtype=torch.int64), r"integer labels \[N\]"),
        (torch.zeros(6), r"integer labels \[N\]"),
    ],
)
def test_bad_labels_are_an_error(labels: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        head()(embeddings(), labels)
