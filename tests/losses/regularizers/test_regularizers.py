"""Every regularizer against a slow loop, its limits, its gradient, its finiteness in bf16."""

import math

import pytest
import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.losses import REGULARIZERS, build_loss
from speakerssl.losses.build import build_regularizers
from speakerssl.losses.identity import identify
from speakerssl.losses.regularizers import spread, threshold
from speakerssl.losses.regularizers.entropy import vasicek_entropy
from speakerssl.losses.regularizers.mixup import mixed_loss
from speakerssl.losses.vectors import normalize

N, D = 9, 4
KEYS = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 0])


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    view1 = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return view1, view1 + 0.5 * torch.randn(N, D, generator=generator, dtype=torch.float64)


def value(config: object, view1: Tensor, view2: Tensor, keys: Tensor = KEYS) -> float:
    return build_regularizers(config)[0](view1, view2, identify(keys), identify(keys)).item()


def test_variance_covariance_equals_a_slow_loop() -> None:
    variance = covariance = 0.0
    for view in batch():
        columns = view.T.tolist()
        means = [sum(column) / N for column in columns]
        for i in range(D):
            spread_i = sum((x - means[i]) ** 2 for x in columns[i]) / (N - 1)
            variance += max(0.0, 1 - math.sqrt(spread_i + 1e-4)) / D / 2
            for j in range(D):
                if i != j:
                    shared = sum((columns[i][n] - means[i]) * (columns[j][n] - means[j]) for n in range(N)) / (N - 1)
                    covariance += shared**2 / D
    expected = 3 * variance + 0.5 * covariance
    config = {"name": "vicreg", "variance": 3, "covariance": 0.5}
    assert value(config, *batch()) == pytest.approx(expected, abs=1e-12)


def test_uniformity_equals_a_slow_loop_and_is_0_at_collapse() -> None:
    expected = 0.0
    for view in batch():
        units = normalize(view)
        pairs = [math.exp(-2 * (units[i] - units[j]).square().sum()) for i in range(N) for j in range(i)]
        expected += math.log(sum(pairs) / len(pairs)) / 2
    assert value("uniformity", *batch()) == pytest.approx(expected, abs=1e-12)
    same = torch.ones(N, D, dtype=torch.float64)
    assert value("uniformity", same, same) == pytest.approx(0.0, abs=1e-12)


def test_koleo_equals_a_slow_loop() -> None:
    expected = 0.0
    for view in batch():
        units = normalize(view)
        nearest = [min((units[i] - units[j]).norm().item() for j in range(N) if j != i) for i in range(N)]
        expected -= sum(math.log(distance + 1e-8) for distance in nearest) / N / 2
    assert value("koleo", *batch()) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["uniformity", "koleo", "tcm"])
def test_blocks_of_rows_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for block in (1024, 4):
        monkeypatch.setattr(spread, "BLOCK", block)
        monkeypatch.setattr(threshold, "BLOCK", block)
        view1, view2 = (view.requires_grad_() for view in batch())
        term = build_regularizers({"name": name, **({"negative_margin": 0.1} if name == "tcm" else {})})[0]
        term(view1, view2, identify(KEYS), identify(KEYS)).backward()
        results.append(view1.grad)
    torch.testing.assert_close(results[0], results[1])


def test_threshold_consistency_equals_a_slow_loop() -> None:
    view1, view2 = batch()
    items = [(KEYS[i % N].item(), v) for i, v in enumerate(normalize(torch.cat([view1, view2])))]
    positive = [(items[i][1] @ items[i + N][1]).item() for i in range(N)]
    missing = [0.9 - s for s in positive if s <= 0.9]
    excess = []
    for i in range(2 * N):
        for j in range(i):
            s = (items[i][1] @ items[j][1]).item()
            if items[i][0] != items[j][0] and s >= 0.5:
                excess.append(s - 0.5)
    assert missing
    assert excess
    expected = 2 * sum(missing) / len(missing) + 3 * sum(excess) / len(excess)
    config = {"name": "tcm", "positive_weight": 2, "negative_weight": 3}
    assert value(config, view1, view2) == pytest.approx(expected, abs=1e-12)


def test_threshold_consistency_of_empty_sets_is_0() -> None:
    apart = torch.eye(4, dtype=torch.float64)
    assert value("tcm", apart, apart, torch.arange(4)) == 0.0


def slow_vasicek(samples: list[float]) -> float:
    n = len(samples)
    m = round(math.sqrt(n))
    ordered = sorted(samples)
    return sum(math.log((n + 1) / m * (ordered[i + m] - ordered[i]) + 1e-7) for i in range(n - m)) / (n - m)


def test_entropy_equals_a_slow_loop() -> None:
    for coordinates in ("sigmoid", "normal_cdf"):
        expected = 0.0
        for view in batch():
            if coordinates == "sigmoid":
                inside = (1 / (1 + torch.exp(-view))).tolist()
            else:
                scaled = (normalize(view) * math.sqrt(D)).tolist()
                inside = [[0.5 * (1 + math.erf(x / math.sqrt(2))) for x in row] for row in scaled]
            columns = [list(column) for column in zip(*inside, strict=True)]
            covariance = torch.cov(torch.tensor(columns).double())
            shared = (covariance.square().sum() - covariance.diagonal().square().sum()).item() / D
            expected += (-2 * sum(map(slow_vasicek, columns)) / D + 5 * shared) / 2
        config = {"name": "entropy", "coordinates": coordinates, "beta": 2, "gamma": 5}
        assert value(config, *batch()) == pytest.approx(expected, abs=1e-6)


def test_vasicek_entropy_knows_the_uniform_distribution() -> None:
    samples = torch.rand(4000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert vasicek_entropy(samples).tolist() == pytest.approx([0, 0], abs=0.05)
    assert vasicek_entropy(samples / 2).tolist() == pytest.approx([-math.log(2)] * 2, abs=0.05)


def test_metrix_equals_a_slow_loop() -> None:
    view1, view2 = batch()
    other = torch.tensor([8, 0, 1, 2, 3, 4, 5, 6, 7])
    share = torch.linspace(0.1, 0.9, N, dtype=torch.float64)
    with_anchor = torch.tensor([True, False, True] * 3)
    losses = []
    for i in range(N):
        if KEYS[i] == KEYS[other[i]]:
            continue
        anchor = view1[i] / view1[i].norm()
        positive = anchor if with_anchor[i] else view2[i] / view2[i].norm()
        negative = view2[other[i]] / view2[other[i]].norm()
        mixed = share[i] * positive + (1 - share[i]) * negative
        d = (anchor - mixed / mixed.norm()).norm().item()
        losses.append(share[i].item() * d + (1 - share[i].item()) * max(0.0, 0.5 - d))
    assert len(losses) == N - 1
    actual = mixed_loss(view1, view2, other, share, with_anchor, 0.5, KEYS[other] != KEYS)
    assert actual.item() == pytest.approx(sum(losses) / len(losses), abs=1e-9)


def test_metrix_never_mixes_a_recording_with_itself() -> None:
    """Two recordings: each must be mixed with the other, whatever the draw."""
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    for seed in range(20):
        torch.manual_seed(seed)
        assert value("metrix", apart, apart, torch.arange(2)) > 0.01


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


def test_entropy_lists_its_coordinates() -> None:
    with pytest.raises(InputError, match="normal_cdf, sigmoid"):
        build_regularizers({"name": "entropy", "coordinates": "cube"})
