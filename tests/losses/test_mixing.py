"""MoCHi and Feature Transformation against loops that repeat their draws."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Beta

from speakerssl.errors import InputError
from speakerssl.losses import build_loss
from speakerssl.losses.identity import identify
from speakerssl.losses.mixing import FeatureTransformation, MoCHi, extrapolate
from speakerssl.losses.task import ContrastiveTask, first_chunk
from speakerssl.losses.vectors import normalize

N, D = 7, 5


def batch(count: int = N) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    view1 = torch.randn(count, D, generator=generator, dtype=torch.float64)
    return view1, view1 + torch.randn(count, D, generator=generator, dtype=torch.float64)


def task() -> ContrastiveTask:
    view1, view2 = (normalize(view) for view in batch())
    who = identify(torch.tensor([0, 1, 2, 3, 4, 5, 0]))
    return ContrastiveTask(view1, torch.arange(N), view2, view1.norm(dim=1), who, who, torch.full((N,), 0.2).double())


def test_mochi_mixes_the_hardest_negatives_with_each_other_and_with_the_anchor() -> None:
    given = first_chunk(task())
    torch.manual_seed(2)
    chunk = MoCHi(hardest=3, pairs=4, with_anchor=2)(given, None)
    torch.manual_seed(2)
    draws = [torch.randint(3, (N, count)) for count in (4, 4, 2)]
    a, b = torch.rand(N, 4).double(), torch.rand(N, 2).double() / 2
    added = chunk.cosines[:, N:]
    assert added.shape == (N, 6)
    for row in range(N):
        anchor = given.task.anchors[row]
        valid = [j for j in range(N) if not given.invalid[row, j]]
        hardest = sorted(valid, key=lambda j: -given.cosines[row, j].item())[:3]
        for k in range(4):
            i, j = hardest[draws[0][row, k]], hardest[draws[1][row, k]]
            mixed = a[row, k] * given.vectors[i] + (1 - a[row, k]) * given.vectors[j]
            assert added[row, k].item() == pytest.approx((anchor @ mixed / mixed.norm()).item())
        for k in range(2):
            n = given.vectors[hardest[draws[2][row, k]]]
            mixed = b[row, k] * anchor + (1 - b[row, k]) * n
            assert added[row, 4 + k].item() == pytest.approx((anchor @ mixed / mixed.norm()).item())
    assert not chunk.invalid[:, N:].any()


def test_mochi_marks_mixtures_with_what_is_no_negative() -> None:
    """With fewer negatives than `hardest` the draw reaches masked candidates: those mixtures must not count."""
    loss = build_loss({"negatives": {"name": "mochi", "pairs": 64, "with_anchor": 64}})
    output = loss(*batch(), identities=identify(torch.zeros(N, dtype=torch.int64)))
    assert output.loss.item() == 0.0


def test_mixtures_are_constants_to_the_gradient() -> None:
    view1, view2 = (normalize(view).requires_grad_() for view in batch())
    keys = torch.arange(N)
    temperature = torch.full((N,), 0.2).double()
    given = first_chunk(
        ContrastiveTask(view1, keys, view2, torch.ones(N).double(), identify(keys), identify(keys), temperature)
    )
    chunk = MoCHi(hardest=4, pairs=8, with_anchor=8)(given, None)
    first, second = torch.autograd.grad(chunk.cosines[:, N:].sum(), (view1, view2))
    assert first.abs().max() > 0
    assert second.abs().max() == 0


def test_mochi_makes_the_loss_harder_and_hardest_negatives_are_not_farther() -> None:
    torch.manual_seed(0)
    plain = build_loss({})(*batch()).loss.item()
    assert build_loss({"negatives": {"name": "mochi", "pairs": 8, "with_anchor": 8}})(*batch()).loss.item() > plain


def test_mochi_comes_before_other_mixtures_of_its_kind() -> None:
    with pytest.raises(InputError, match="mochi must come before"):
        build_loss({"negatives": ["mochi", "mochi"]})(*batch())


def test_extrapolation_is_the_product_of_the_extrapolated_vectors() -> None:
    q, k = (normalize(view) for view in batch())
    share = torch.linspace(1, 2, N, dtype=torch.float64)[:, None]
    first, second = share * q + (1 - share) * k, share * k + (1 - share) * q
    cosine = (q * k).sum(1)
    torch.testing.assert_close(extrapolate(cosine, share[:, 0]), (first * second).sum(1))
    expected = torch.nn.functional.cosine_similarity(first, second)
    torch.testing.assert_close(extrapolate(cosine, share[:, 0], normalize=True), expected)
    assert (extrapolate(cosine, share[:, 0]) <= cosine + 1e-12).all()


def test_feature_transformation_repeats_its_draws() -> None:
    given = first_chunk(task())
    torch.manual_seed(4)
    chunk = FeatureTransformation()(given, None)
    torch.manual_seed(4)
    positive_share = 1 + Beta(2.0, 2.0).sample((N,)).double()
    other = torch.randperm(N)
    share = Beta(1.6, 1.6).sample((N,)).double()
    torch.testing.assert_close(chunk.positive, extrapolate(given.positive, positive_share))
    for j in range(N):
        mixed = share[j] * given.vectors[j] + (1 - share[j]) * given.vectors[other[j]]
        torch.testing.assert_close(chunk.vectors[j], mixed)
        for row in range(N):
            assert chunk.cosines[row, j].item() == pytest.approx((given.task.anchors[row] @ mixed).item())
            bad = given.invalid[row, j] or given.invalid[row, other[j]]
            assert bool(chunk.invalid[row, j]) is bool(bad)


def test_feature_transformation_can_be_switched_off() -> None:
    config = {"negatives": {"name": "feature_transformation", "positive": 0, "negative": 0}}
    assert build_loss(config)(*batch()).loss.item() == build_loss({})(*batch()).loss.item()


@pytest.mark.parametrize(
    "negatives",
    [
        "feature_transformation",
        {"name": "feature_transformation", "normalize": True},
        {"name": "mochi", "hardest": 3, "pairs": 4, "with_anchor": 0},
    ],
)
def test_gradient_in_float64(negatives: object) -> None:
    """The mixtures of MoCHi are constants: their vectors are held by freezing the view that they come from."""
    held = isinstance(negatives, dict) and negatives["name"] == "mochi"
    view1, view2 = batch(4)
    symmetry = "one_direction" if held else "both_views"
    loss = build_loss({"symmetry": symmetry, "negatives": negatives, "block_size": 5})

    def value(a: Tensor, b: Tensor) -> Tensor:
        torch.manual_seed(0)
        return loss(a, b).loss

    if held:
        assert torch.autograd.gradcheck(lambda a: value(a, view2), (view1.requires_grad_(),))
    else:
        assert torch.autograd.gradcheck(value, (view1.requires_grad_(), view2.requires_grad_()))


def test_recomputed_blocks_draw_the_same_numbers() -> None:
    """Backward runs each chunk again: with other random numbers the gradient would be that of another loss."""
    view1, view2 = (view.requires_grad_() for view in batch())
    mochi = {"name": "mochi", "hardest": 4, "pairs": 4, "with_anchor": 0}
    loss = build_loss({"symmetry": "one_direction", "negatives": mochi, "block_size": 4})
    torch.manual_seed(0)
    first = loss(view1, view2).loss
    torch.manual_seed(99)
    (gradient,) = torch.autograd.grad(first, view1)
    h = 1e-6
    direction = torch.randn(N, D, dtype=torch.float64)
    values = []
    for sign in (1, -1):
        torch.manual_seed(0)
        values.append(loss(view1.detach() + sign * h * direction, view2.detach()).loss.item())
    assert (values[0] - values[1]) / (2 * h) == pytest.approx((gradient * direction).sum().item(), abs=1e-6)
