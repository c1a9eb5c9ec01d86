"""Tasks name each anchor's positive by its place, and hold one copy of the batch where one will do."""

import pytest
import torch
from torch import Tensor

from speakerssl.losses.symmetry import SYMMETRIES, Views, normalize, tasks_of

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
    tasks, _ = tasks_of(symmetry, both, gathered=False)
    anchors = units[:1] if symmetry == "one_direction" else units
    assert torch.equal(torch.cat([task.anchors for task in tasks]), torch.cat(anchors))
    expected = torch.cat([sought[1], sought[0]])
    for task, start in zip(tasks, (0, N)):
        assert torch.equal(task.positives, expected[start : start + len(task.anchors)])
        assert torch.equal(task.keys, task.candidate_keys[task.positive_indices])
        part = task.rows(1, 3)
        assert torch.equal(part.positives, task.positives[1:3])


def test_one_process_searches_in_the_very_tensor_of_its_anchors() -> None:
    (task,), memory = tasks_of("both_views", given(targets=False), gathered=False)
    assert task.anchors is task.candidates
    assert memory.vectors.data_ptr() == task.candidates.data_ptr()
    (task,), _ = tasks_of("both_views", given(targets=True), gathered=False)
    assert task.anchors is not task.candidates


def test_the_dual_softmax_copies_neither_view() -> None:
    tasks, _ = tasks_of("dual", given(targets=False), gathered=False)
    assert tasks[0].anchors is tasks[1].candidates
    assert tasks[1].anchors is tasks[0].candidates
