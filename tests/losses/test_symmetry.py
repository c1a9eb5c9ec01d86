"""Problems name each anchor's positive by its place, and hold one copy of the batch where one will do."""

import pytest
import torch
from torch import Tensor

from speakerssl.losses.symmetry import SYMMETRIES, Views, normalize, problems_of

N, D = 5, 3


def views(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(N, D, generator=generator, dtype=torch.float64) for _ in range(2))


def given(targets: bool) -> Views:
    own = views(0)
    return Views(own, views(1) if targets else own, (torch.full((N,), 0.2).double(),) * 2)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
@pytest.mark.parametrize("targets", [False, True])
def test_the_partner_is_the_other_view_of_the_anchor_and_the_only_one_under_its_key(
    symmetry: str, targets: bool
) -> None:
    both = given(targets)
    units, sought = ([normalize(view) for view in pair] for pair in (both.views, both.targets))
    problems, _ = problems_of(symmetry, both, gathered=False)
    anchors = units[:1] if symmetry == "one_direction" else units
    assert torch.equal(torch.cat([problem.anchors for problem in problems]), torch.cat(anchors))
    expected = torch.cat([sought[1], sought[0]])
    for problem, start in zip(problems, (0, N)):
        assert torch.equal(problem.positives, expected[start : start + len(problem.anchors)])
        assert torch.equal(problem.keys, problem.candidate_keys[problem.partners])
        part = problem.rows(1, 3)
        assert torch.equal(part.positives, problem.positives[1:3])


def test_one_process_searches_in_the_very_tensor_of_its_anchors() -> None:
    (problem,), pool = problems_of("both_views", given(targets=False), gathered=False)
    assert problem.anchors is problem.candidates
    assert pool.vectors.data_ptr() == problem.candidates.data_ptr()
    (problem,), _ = problems_of("both_views", given(targets=True), gathered=False)
    assert problem.anchors is not problem.candidates


def test_the_dual_softmax_copies_neither_view() -> None:
    problems, _ = problems_of("dual", given(targets=False), gathered=False)
    assert problems[0].anchors is problems[1].candidates
    assert problems[1].anchors is problems[0].candidates
