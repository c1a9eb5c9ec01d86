"""DINO's objective against loops: centring, sharpening, cross-view entropy, freezing and RDINO's terms."""

from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods import Batch, build_method
from speakerssl.methods.dino import DINOOptions, diversity

from .conftest import views_of


def softmax(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def test_loss_and_centre_against_a_loop(make) -> None:
    method = make("dino").double()
    with torch.no_grad():
        method.center.normal_(generator=torch.Generator().manual_seed(3))
        method.center *= 0.1
    views = [view.double() for view in views_of(2, batch=4, local=2)]
    center = method.center.numpy().copy()
    with torch.no_grad():
        both = method.teacher(torch.cat(views[:2])), method.encoder(torch.cat(views[:2]))
        teacher = method.teacher_head(both[0]).numpy().reshape(2, 4, -1)
        student = [*both[1].chunk(2), *method.encoder(torch.cat(views[2:])).chunk(2)]
        logits = [method.head(x).numpy() for x in student]
    terms = [
        -np.mean(np.sum(softmax((teacher[t] - center) / 0.04) * np.log(softmax(logits[v] / 0.1)), axis=1))
        for t in range(2)
        for v in range(4)
        if v != t
    ]
    loss = method(Batch(views, torch.arange(4)), 0).loss
    assert loss.item() == pytest.approx(np.mean(terms), rel=1e-5)
    np.testing.assert_allclose(
        method.center.numpy(), 0.9 * center + 0.1 * teacher.reshape(8, -1).mean(0), rtol=1e-4, atol=1e-7
    )
    method.eval()
    before = method.center.clone()
    method(Batch(views, torch.arange(4)), 0)
    assert torch.equal(method.center, before)


def test_last_layer_waits_an_epoch(make) -> None:
    method = make("dino")  # 4 steps an epoch
    optimizer = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=1e-2)
    start = method.head.last.weight.detach().clone()
    for step in range(5):
        optimizer.zero_grad()
        method(Batch(views_of(2), torch.arange(16)), step).loss.backward()
        optimizer.step()
        moved = not torch.equal(method.head.last.weight, start)
        assert moved == (step == 4)
    assert not torch.equal(method.head.layers[0].weight, method.teacher_head.layers[0].weight)


def test_last_layer_is_weight_normed(make) -> None:
    head = make("dino").head
    embeddings = torch.randn(3, 12)
    before = head(embeddings)
    with torch.no_grad():
        head.last.weight *= torch.rand(20, 1) + 0.5
    torch.testing.assert_close(head(embeddings), before, rtol=1e-4, atol=1e-5)
    assert before.abs().max() <= 1


def test_teacher_temperature_warms_up() -> None:
    options = DINOOptions(teacher_temperature=0.04, final_teacher_temperature=0.07, warmup_epochs=30)
    assert [round(options.teacher_temperature_at(e), 6) for e in (0, 15, 30, 99)] == [0.04, 0.055, 0.07, 0.07]
    assert DINOOptions().teacher_temperature_at(50) == 0.04


def test_diversity_against_a_loop(make) -> None:
    rng = np.random.default_rng(0)
    views = [rng.standard_normal((6, 3)) * 0.5 for _ in range(2)]
    mean = (views[0] + views[1]) / 2
    spread = np.mean([max(0, 1 - np.sqrt(np.var(mean[:, d], ddof=1) + 1e-4)) for d in range(3)])
    cov = np.cov(mean.T)
    shared = sum(cov[i, j] ** 2 for i in range(3) for j in range(3) if i != j) / 3
    terms = diversity(*(torch.from_numpy(v) for v in views))
    assert float(terms["variance"]) == pytest.approx(spread, rel=1e-5)
    assert float(terms["covariance"]) == pytest.approx(shared, rel=1e-5)
    plain, regular = make("dino"), make("dino", regularizer={"variance": 2.0, "covariance": 0.5})
    regular.load_state_dict(plain.state_dict())
    base, output = (method(Batch(views_of(2), torch.arange(16)), 0) for method in (plain, regular))
    extra = 2.0 * output.logs["regularizer/variance"] + 0.5 * output.logs["regularizer/covariance"]
    assert output.loss.item() == pytest.approx(base.loss.item() + extra, rel=1e-5)


def test_the_teacher_is_kept_unless_asked(make, encoder) -> None:
    method = make("dino")
    assert method.final_encoder() is method.teacher
    assert make("dino", export_encoder="student").final_encoder() is encoder
    with pytest.raises(InputError, match="unknown dino 'export_encoder' 'both'"):
        build_method(encoder, {"name": "dino", "export_encoder": "both"}, {})


@pytest.mark.parametrize("name", ["dino", "sdpn"])
def test_keep_is_the_old_name_of_export_encoder(make, encoder, name: str) -> None:
    with pytest.warns(FutureWarning, match=f"method {name}: 'keep' is now called 'export_encoder'"):
        assert make(name, keep="student").final_encoder() is encoder
    with pytest.raises(InputError, match="'keep' is the old name of 'export_encoder': give only 'export_encoder'"):
        make(name, keep="student", export_encoder="teacher")


def test_published_sizes_are_the_defaults(encoder) -> None:
    head: Any = build_method(encoder, {"name": "dino"}, {}).head
    assert [layer.out_features for layer in head.layers[::2]] == [2048, 2048, 256]
    assert head.last.weight.shape == (65536, 256)


def test_rdinos_weight_rises_as_its_code_prints_it() -> None:
    options = DINOOptions(variance=5.0, covariance=1.0, weight=0.2, start_weight=0.05, weight_epochs=10)
    expected = np.concatenate((np.linspace(0.05, 0.2, 10), np.linspace(0.2, 0.2, 60)))
    assert [options.regularizer_weight_at(epoch + 0.5) for epoch in range(70)] == pytest.approx(expected.tolist())
    assert DINOOptions(variance=1.0).regularizer_weight_at(0.0) == 1.0


def test_rdinos_term_is_that_of_its_code(make) -> None:
    """10 (std_x + std_y) / 2 + cov_x + cov_y of which the teacher's y has no gradient, times 0.2: the gradient."""
    mean = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    terms = diversity(mean, mean)
    ours = 0.2 * (5.0 * terms["variance"] + 1.0 * terms["covariance"])
    centred = mean - mean.mean(0)
    std = torch.relu(1 - (centred.var(0) + 0.0001).sqrt()).mean() / 2
    covariance = centred.T @ centred / 5
    off = sum(covariance[i, j] ** 2 for i in range(4) for j in range(4) if i != j) / 4
    theirs = 0.2 * (10.0 * std + 1.0 * off)
    (expected,) = torch.autograd.grad(theirs, mean, retain_graph=True)
    (got,) = torch.autograd.grad(ours, mean)
    torch.testing.assert_close(got, expected)
