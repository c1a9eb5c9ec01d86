"""The contrastive core against a slow loop, and the identities that its margins and symmetries must satisfy."""

import math

import pytest
import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.losses import ContrastiveLoss, NegativeStep, build_loss
from speakerssl.losses.identity import identify
from speakerssl.losses.task import SimilarityChunk

N, D = 6, 5
SYMMETRIES = ("one_direction", "both_views", "dual")


def views(seed: int = 0, count: int = N, dim: int = D) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    view1, view2 = (torch.randn(count, dim, generator=generator, dtype=torch.float64) for _ in range(2))
    return view1, view2


def cos(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def slow(
    view1: Tensor, view2: Tensor, symmetry: str, tau: float, margin: float = 0.0, keys: list[int] | None = None
) -> float:
    """One anchor and one candidate at a time, from the formulas."""
    keys = keys or list(range(len(view1)))
    items = [(1, i, view1[i]) for i in range(len(view1))] + [(2, i, view2[i]) for i in range(len(view2))]
    losses = []
    for view, i, anchor in items:
        if symmetry == "one_direction" and view == 2:
            continue
        positive = None
        total = 0.0
        for other_view, j, candidate in items:
            if (other_view, j) == (view, i) or (symmetry != "both_views" and other_view == view):
                continue
            if j == i:
                positive = math.exp((cos(anchor, candidate) - margin) / tau)
                total += positive
            elif keys[j] != keys[i]:
                total += math.exp(cos(anchor, candidate) / tau)
        losses.append(-math.log(positive / total))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
@pytest.mark.parametrize("margin", [0.0, 0.4])
@pytest.mark.parametrize("block_size", [2048, 5])
def test_equals_a_slow_loop(symmetry: str, margin: float, block_size: int) -> None:
    view1, view2 = views()
    loss = build_loss({"symmetry": symmetry, "margin": margin, "temperature": 0.2, "block_size": block_size})
    expected = slow(view1, view2, symmetry, 0.2, margin)
    assert loss(view1, view2).loss.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_known_same_speaker_pairs_are_left_out_of_the_sum(symmetry: str) -> None:
    view1, view2 = views()
    keys = [7, 3, 7, 7, 9, 3]
    given = torch.tensor(keys)
    expected = slow(view1, view2, symmetry, 0.2, 0.1, keys)
    loss = build_loss({"symmetry": symmetry, "margin": 0.1})
    assert loss(view1, view2, identities=identify(given)).loss.item() == pytest.approx(expected, abs=1e-12)
    # A negative number says that nothing is known: each is its own.
    unknown = loss(view1, view2, identities=identify(torch.full((N,), -1))).loss
    assert unknown.item() == pytest.approx(slow(view1, view2, symmetry, 0.2, 0.1), abs=1e-12)


def test_masking_is_minus_infinity_and_not_zero() -> None:
    """A logit of 0 would leave e^0 = 1 in the sum: with every negative masked the loss must be exactly 0."""
    view1, view2 = views()
    output = build_loss({"temperature": 0.2})(view1, view2, identities=identify(torch.zeros(N, dtype=torch.int64)))
    assert output.loss.item() == 0.0
    assert output.logs["p_plus"] == 1.0
    assert math.isnan(output.logs["negative_cosine"])
    zero_instead = math.log1p((2 * N - 2) * math.exp(-1 / 0.2))
    assert zero_instead > 0.05


def test_additive_margin_is_a_shift_of_the_negatives() -> None:
    view1, view2 = views()
    tau, m = 0.2, 0.3
    units = torch.nn.functional.normalize(torch.cat([view1, view2]), dim=1)
    logits = units @ units.T / tau
    positive = logits[torch.arange(2 * N), (torch.arange(2 * N) + N) % (2 * N)]
    raised = logits + m / tau
    for i in range(2 * N):
        raised[i, i] = -torch.inf
        raised[i, (i + N) % (2 * N)] = positive[i]
    expected = (torch.logsumexp(raised, 1) - positive).mean()
    actual = build_loss({"margin": m, "temperature": tau})(view1, view2).loss
    assert actual.item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_derivative_of_the_margin_is_one_minus_p_plus_over_tau(symmetry: str) -> None:
    view1, view2 = views()
    tau, m, h = 0.2, 0.25, 1e-5

    def at(margin: float) -> float:
        return build_loss({"symmetry": symmetry, "margin": margin, "temperature": tau})(view1, view2).loss.item()

    output = build_loss({"symmetry": symmetry, "margin": m, "temperature": tau})(view1, view2)
    derivative = (at(m + h) - at(m - h)) / (2 * h)
    assert derivative == pytest.approx((1 - output.logs["p_plus"]) / tau, abs=1e-7)
    assert derivative >= 0


@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_all_embeddings_equal_gives_the_known_numbers(margin: float) -> None:
    same = torch.full((N, D), 0.7, dtype=torch.float64)
    tau = 0.2
    for symmetry, negatives in (("one_direction", N - 1), ("dual", N - 1), ("both_views", 2 * N - 2)):
        loss = build_loss({"symmetry": symmetry, "margin": margin, "temperature": tau})(same, same).loss.item()
        assert loss == pytest.approx(math.log1p(negatives * math.exp(margin / tau)), abs=1e-12)


@pytest.mark.parametrize("margin", ["none", "additive", "additive_angular"])
@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_the_order_of_the_batch_does_not_matter(margin: str, symmetry: str) -> None:
    view1, view2 = views()
    loss = build_loss({"symmetry": symmetry, "margin": margin})
    value = loss(view1, view2).loss.item()
    order = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    assert loss(view1[order], view2[order]).loss.item() == pytest.approx(value, abs=1e-12)
    if symmetry != "one_direction":
        assert loss(view2, view1).loss.item() == pytest.approx(value, abs=1e-12)


def test_no_margin_collapses_all_margins_to_snt_xent() -> None:
    view1, view2 = views()
    expected = build_loss({})(view1, view2).loss.item()
    for margin in (0, {"name": "additive_angular", "value": 0}, {"name": "sphere", "value": 1}):
        assert build_loss({"margin": margin})(view1, view2).loss.item() == pytest.approx(expected, abs=1e-7)
    # Also at the edge where cos t = -1 is already past pi - m.
    opposite = build_loss({"margin": {"name": "additive_angular", "value": 0}})(view1, -view1).loss.item()
    assert opposite == pytest.approx(build_loss({})(view1, -view1).loss.item(), abs=1e-7)


def test_lengths_of_the_embeddings_do_not_matter() -> None:
    view1, view2 = views()
    loss = build_loss({"margin": 0.1})
    scaled = loss(view1 * torch.rand(N, 1).double().add(0.1), view2 * 9).loss.item()
    assert scaled == pytest.approx(loss(view1, view2).loss.item(), abs=1e-12)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_blocks_of_anchors_change_neither_loss_nor_gradients(symmetry: str) -> None:
    config = {"symmetry": symmetry, "margin": "additive_angular", "regularizers": ["uniformity"]}
    results = []
    for block_size in (1024, 5, 1):
        view1, view2 = (view.requires_grad_() for view in views())
        output = build_loss({**config, "block_size": block_size})(view1, view2)
        output.loss.backward()
        results.append((output.loss.item(), view1.grad, view2.grad, output.logs))
    for value, first, second, logs in results[1:]:
        assert value == pytest.approx(results[0][0], abs=1e-12)
        torch.testing.assert_close(first, results[0][1], atol=1e-12, rtol=0)
        torch.testing.assert_close(second, results[0][2], atol=1e-12, rtol=0)
        assert logs == pytest.approx(results[0][3])


@pytest.mark.parametrize("block_size", [100, 6, 1])
def test_never_more_cosines_than_the_block_or_one_row(block_size: int) -> None:
    seen = []

    class Watch(NegativeStep):
        def forward(self, chunk: SimilarityChunk, drawn: object) -> SimilarityChunk:
            seen.append(tuple(chunk.cosines.shape))
            return chunk

    loss = ContrastiveLoss(block_size=block_size, negatives=[Watch()])
    loss(*views())
    assert sum(rows for rows, _ in seen) == 2 * N
    assert all(rows * columns <= max(block_size**2, columns) for rows, columns in seen)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_gradient_in_float64(symmetry: str) -> None:
    view1, view2 = (view.requires_grad_() for view in views(count=4, dim=3))
    loss = build_loss({"symmetry": symmetry, "margin": 0.2, "block_size": 4})
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b).loss, (view1, view2))


MARGINS = (
    "none",
    "additive",
    "additive_angular",
    "sphere",
    "curricular",
    "magface",
    "adaface",
    "simo",
    "learnable",
)
NEGATIVES = ("batch", "queue", "filter", {"name": "dclr", "threshold": 1}, "mochi", "feature_transformation")
WEIGHTINGS = ("softmax", "decoupled", "dclw", "debiased")


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("end", [1, -1])
def test_bf16_at_the_ends_of_the_cosine_is_finite(margin: str, weighting: str, end: int) -> None:
    view1 = views()[0].bfloat16().requires_grad_()
    view2 = (end * view1.detach()).requires_grad_()
    loss = build_loss({"margin": margin, "temperature": 0.03, "negatives": weighting}).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = loss(view1, view2)
    output.loss.backward()
    assert output.loss.dtype == torch.float32
    assert torch.isfinite(output.loss)
    assert torch.isfinite(view1.grad).all()
    assert torch.isfinite(view2.grad).all()


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("end", [1, -1])
def test_bf16_is_finite_with_every_source_of_negatives(negatives: object, end: int) -> None:
    loss = build_loss({"margin": "additive_angular", "temperature": 0.03, "negatives": negatives}).train()
    torch.manual_seed(0)
    for seed in range(2):  # the queue is empty at first
        view1 = views(seed)[0].bfloat16().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = loss(view1, end * view1)
        output.loss.backward()
        assert torch.isfinite(output.loss)
        assert torch.isfinite(view1.grad).all()


@pytest.mark.parametrize("i", range(len(MARGINS)), ids=MARGINS)
@pytest.mark.parametrize("j", range(len(NEGATIVES)))
@pytest.mark.parametrize("k", range(len(WEIGHTINGS)), ids=WEIGHTINGS)
def test_every_combination_trains(i: int, j: int, k: int) -> None:
    """The choices are independent: each combination (symmetries in turn) has a finite loss and gradient."""
    symmetry, margin = SYMMETRIES[(i + j + k) % 3], MARGINS[i]
    negatives, weighting = NEGATIVES[j], WEIGHTINGS[k]
    config = {"symmetry": symmetry, "margin": margin, "negatives": [negatives, weighting], "block_size": 5}
    loss = build_loss(config).train()
    torch.manual_seed(0)
    loss(*(view.float() for view in views(2)))  # fills the queue and the running statistics
    view1, view2 = (view.float().requires_grad_() for view in views())
    torch.manual_seed(1)
    output = loss(view1, view2)
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert torch.isfinite(view1.grad).all()
    assert view1.grad.abs().max() > 0


def test_targets_of_a_momentum_encoder_take_the_gradient_from_one_side() -> None:
    view1, view2 = (view.requires_grad_() for view in views(0))
    targets = views(1)
    loss = build_loss({"symmetry": "dual", "margin": 0.1})
    output = loss(view1, view2, targets=targets)
    one = build_loss({"symmetry": "one_direction", "margin": 0.1})
    expected = (one(view1, targets[1]).loss + one(view2, targets[0]).loss) / 2
    assert output.loss.item() == pytest.approx(expected.item(), abs=1e-12)
    output.loss.backward()
    assert view1.grad is not None
    assert targets[0].grad is None


def test_both_views_with_targets_leave_out_the_anchors_own_target() -> None:
    """An anchor never meets the momentum encoder's copy of itself."""
    view1, view2 = views(0)
    plain = build_loss({})(view1, view2).loss.item()
    assert build_loss({})(view1, view2, targets=(view1, view2)).loss.item() == pytest.approx(plain, abs=1e-12)


def test_logs_are_what_they_say() -> None:
    view1, view2 = views()
    output = ContrastiveLoss(temperature=0.2)(view1, view2)
    units = torch.nn.functional.normalize(torch.cat([view1, view2]), dim=1)
    cosines = units @ units.T
    positive = (units[:N] * units[N:]).sum(1)
    own = torch.eye(2 * N, dtype=torch.bool)
    pair = own.roll(N, 0)
    assert output.logs["positive_cosine"] == pytest.approx(positive.mean().item())
    assert output.logs["negative_cosine"] == pytest.approx(cosines[~own & ~pair].mean().item())
    hardest = cosines.masked_fill(own | pair, -2).amax(1)
    assert output.logs["accuracy"] == pytest.approx((positive.repeat(2) > hardest).double().mean().item())
    assert output.logs["margin"] == 0.0


@pytest.mark.parametrize(
    ("first", "second"), [((3, 2), (4, 2)), ((3, 2, 2), (3, 2, 2)), ((0, 2), (0, 2)), ((3, 2), (3, 4))]
)
def test_views_of_other_shapes_are_an_error(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"\[N, D\]"):
        build_loss({})(torch.zeros(first), torch.zeros(second))


def test_identities_must_be_one_an_item() -> None:
    with pytest.raises(InputError, match="those of 2 views of 6 items, got 3, 3 items"):
        build_loss({})(*views(), identities=identify(torch.zeros(3, dtype=torch.int64)))
    with pytest.raises(InputError, match="recordings must be 6 integers"):
        build_loss({})(*views(), identities=identify(torch.zeros(N)))
