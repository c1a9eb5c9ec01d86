"""The numbers against loops and limits; a collapse stops the run with what was seen, a healthy run never."""

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError, JobError
from speakerssl.methods import Batch
from speakerssl.methods.diagnostics import (
    CollapseMonitor,
    build_collapse_monitor,
    effective_rank,
    embedding_numbers,
    false_negative_rate,
)

from .conftest import views_of


def test_numbers_against_loops() -> None:
    rng = np.random.default_rng(0)
    views = [rng.standard_normal((5, 7)) * 3 for _ in range(2)]
    x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in views)
    numbers = embedding_numbers(*(torch.from_numpy(v) for v in views))
    different = [(i, j) for i in range(5) for j in range(5) if i != j]
    kernels = [[np.exp(-2 * np.sum((u[i] - u[j]) ** 2)) for i, j in different] for u in (x, y)]
    expected = {
        "alignment": np.mean([np.sum((x[i] - y[i]) ** 2) for i in range(5)]),
        "uniformity": np.mean([np.log(np.mean(k)) for k in kernels]),
        "positive_cosine": np.mean([x[i] @ y[i] for i in range(5)]),
        "negative_cosine": np.mean([x[i] @ y[j] for i, j in different]),
        "spread": np.sqrt(np.mean(np.sum((np.r_[x, y] - np.r_[x, y].mean(0)) ** 2, 1))),
    }
    for name, value in expected.items():
        assert numbers[name] == pytest.approx(value, abs=1e-5), name


def test_effective_rank_is_that_of_the_singular_values() -> None:
    rng = np.random.default_rng(1)
    for shape in ((20, 6), (6, 20)):
        values = rng.standard_normal(shape)
        singular = np.linalg.svd(values - values.mean(0), compute_uv=False)
        share = singular / singular.sum()
        entropy = -np.sum(share[share > 1e-9] * np.log(share[share > 1e-9]))
        assert float(effective_rank(torch.from_numpy(values))) == pytest.approx(np.exp(entropy), rel=1e-4)
    line = torch.linspace(-1, 1, 9)[:, None] * torch.ones(1, 4)
    assert float(effective_rank(line)) == pytest.approx(1, abs=1e-3)
    cross = torch.cat([torch.eye(4), -torch.eye(4)])
    assert float(effective_rank(cross)) == pytest.approx(4, abs=1e-3)


def test_false_negatives_are_counted_among_known_speakers() -> None:
    # Of the 6 ordered pairs of the three known, the two of speaker 0 are false negatives.
    assert false_negative_rate(torch.tensor([0, 0, 1, -1, -1])) == pytest.approx(2 / 6)
    assert np.isnan(false_negative_rate(torch.tensor([-1, -1])))


def test_labels_reach_the_log_and_nothing_else(make) -> None:
    method = make("simclr")
    views, indices = views_of(2, batch=4), torch.tensor([3, 0, 2, 1])
    torch.manual_seed(0)
    without = method(Batch(views, indices), 0)
    method.speakers = np.array([0, 0, 1, 1])
    torch.manual_seed(0)
    with_labels = method(Batch(views, indices), 0)
    assert torch.equal(without.loss, with_labels.loss)
    assert with_labels.logs["embedding/false_negative_rate"] == pytest.approx(4 / 12)


def test_a_collapsed_run_stops_and_says_what_was_seen(make) -> None:
    method = make("simsiam", collapse={"warmup_steps": 2, "patience": 3})
    with torch.no_grad():
        method.encoder.embedding.weight.zero_()  # every recording is the bias
        method.encoder.embedding.bias.fill_(1.0)
    views, indices = views_of(2), torch.arange(16)
    for step in range(4):
        method(Batch(views, indices), step)
        method(Batch(views, indices), step)  # a second micro-batch of the step is no second check
    with pytest.raises(JobError, match=r"collapsed: at step 4, for 3 checks .*spread 0\.0000 .*recordings 1\.0000"):
        method(Batch(views, indices), 4)


def test_one_good_check_starts_the_count_again() -> None:
    watch = CollapseMonitor(warmup_steps=0, patience=2)
    bad = {"spread": 0.5, "effective_rank": 1.2, "negative_cosine": 0.0}
    watch.check(bad, 0)
    watch.check({**bad, "effective_rank": 30.0}, 1)
    watch.check(bad, 2)
    with pytest.raises(JobError, match=r"effective rank 1\.20"):
        watch.check(bad, 3)


def test_options() -> None:
    assert build_collapse_monitor(False) is None
    assert build_collapse_monitor({"patience": 2}).patience == 2
    with pytest.raises(InputError, match="collapse: unknown key 'ranks'"):
        build_collapse_monitor({"ranks": 2})
