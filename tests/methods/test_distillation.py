"""Self-distillation: the cross-entropy over pairs of views, and numbers that show collapse."""

import numpy as np
import pytest
import torch

from speakerssl.methods.distillation import cross_view_entropy, target_numbers


def test_target_numbers_tell_uniform_from_one_class() -> None:
    uniform, single = torch.full((4, 8), 1 / 8), torch.eye(8)[[2, 2, 2, 2]]
    assert target_numbers([uniform])["target_entropy"] == pytest.approx(np.log(8), rel=1e-5)
    assert target_numbers([single])["usage_entropy"] == pytest.approx(0, abs=1e-6)
    assert target_numbers([torch.eye(8)])["usage_entropy"] == pytest.approx(np.log(8), rel=1e-5)


@pytest.mark.parametrize("same_views", [True, False])
def test_cross_entropy_is_the_mean_over_pairs(same_views: bool) -> None:
    torch.manual_seed(0)
    targets = [torch.softmax(torch.randn(4, 6), 1) for _ in range(2)]
    logits = [torch.randn(4, 6) for _ in range(5)]
    terms = []
    for t in range(2):
        for v in range(5):
            if same_views and t == v:
                continue
            for row in range(4):
                probabilities = torch.softmax(logits[v][row], 0)
                terms.append(-sum(float(targets[t][row, k]) * float(probabilities[k].log()) for k in range(6)))
    assert float(cross_view_entropy(targets, logits, same_views)) == pytest.approx(np.mean(terms), rel=1e-5)
