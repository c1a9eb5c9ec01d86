"""Every regularizer: its gradient, its finiteness in bf16, its share of the loss."""

import pytest
import torch
from torch import Tensor

from speakerssl.losses import REGULARIZERS, build_loss
from speakerssl.losses.build import build_regularizers
from speakerssl.losses.identity import identify
from tests.losses.regularizers.conftest import KEYS, D, N, batch, value


@pytest.mark.parametrize("name", sorted(REGULARIZERS))
def test_gradient_in_float64(name: str) -> None:
    views = tuple(view.requires_grad_() for view in batch(3))
    term = build_regularizers(name)[0]

    def at(view1: Tensor, view2: Tensor) -> Tensor:
        torch.manual_seed(0)
        return term(view1, view2, identify(KEYS), identify(KEYS))

    assert torch.autograd.gradcheck(at, views)


@pytest.mark.parametrize("name", sorted(REGULARIZERS))
@pytest.mark.parametrize("case", ["random", "equal", "one"])
def test_in_bf16_and_collapsed_it_is_finite(name: str, case: str) -> None:
    views = [view.bfloat16() for view in batch()]
    if case == "equal":
        views = [torch.ones(N, D, dtype=torch.bfloat16)] * 2
    if case == "one":
        views = [view[:1] for view in views]
    views = [view.clone().requires_grad_() for view in views]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = build_loss({"regularizers": [name]})(*views)
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert all(torch.isfinite(view.grad).all() for view in views)


def test_the_loss_adds_weight_times_the_term_and_logs_it() -> None:
    view1, view2 = batch()
    plain = build_loss({})(view1, view2).loss.item()
    output = build_loss({"regularizers": [{"name": "koleo", "weight": 0.5}, {"name": "tcm", "weight": 2}]})(
        view1, view2
    )
    koleo, tcm = (value(name, view1, view2, torch.arange(N)) for name in ("koleo", "tcm"))
    assert output.loss.item() == pytest.approx(plain + 0.5 * koleo + 2 * tcm)
    assert output.logs["regularizer/koleo"] == pytest.approx(0.5 * koleo)
