"""Tasks know each anchor's positive by its index, and hold one copy of the batch where one will do."""

import pytest
import torch
from torch import Tensor

from speakerssl.losses.identity import Identity, identify, resolve
from speakerssl.losses.symmetry import SYMMETRIES, plan_many_views, plan_two_views
from speakerssl.losses.vectors import normalize
from speakerssl.losses.views import GatheredViews, Views

N, D = 5, 3


def random_views(seed: int, count: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(N, D, generator=generator, dtype=torch.float64) for _ in range(count)]


def gathered(targets: bool = False, count: int = 2, identities: list[Identity] | None = None) -> GatheredViews:
    own = random_views(0, count)
    temperatures = [torch.full((N,), 0.2).double()] * count
    who = resolve(identities, count, own[0], rank=0)
    return GatheredViews(Views(own, random_views(1, count) if targets else own, temperatures, who, who), gathered=False)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
@pytest.mark.parametrize("targets", [False, True])
def test_the_positive_is_the_other_view_of_the_anchor_and_no_negative(symmetry: str, targets: bool) -> None:
    views = gathered(targets)
    units, sought = [normalize(view) for view in views.given.views], [normalize(view) for view in views.given.targets]
    tasks = [views.task(plan) for plan in plan_two_views(symmetry).groups[0]]
    anchors = units[:1] if symmetry == "one_direction" else units
    assert torch.equal(torch.cat([task.anchors for task in tasks]), torch.cat(anchors))
    expected = torch.cat([sought[1], sought[0]])
    for task, start in zip(tasks, (0, N)):
        assert torch.equal(task.positives, expected[start : start + len(task.anchors)])
        assert torch.equal(task.identity.recordings, task.candidate_identity.recordings[task.positive_indices])
        left = (~task.excluded()).sum(1)
        assert (left == (N - 1) * (2 if symmetry == "both_views" else 1)).all()
        part = task.rows(1, 3)
        assert torch.equal(part.positives, task.positives[1:3])


def test_local_anchors_have_the_other_global_view_as_another_positive() -> None:
    views = gathered(count=3)
    task = views.task(plan_many_views("both_views", 3, 2, "softmax_of_both").groups[0][0])
    units = [normalize(view) for view in views.given.views]
    assert torch.equal(task.anchors, torch.cat([units[2], units[2]]))
    assert torch.equal(task.positives, torch.cat([units[0], units[1]]))
    assert task.other_positives is not None
    assert torch.equal(task.candidates[task.other_positives[:, 0]], torch.cat([units[1], units[0]]))
    assert ((~task.excluded()).sum(1) == 2 * (N - 1)).all()
    assert task.rows(2, 4).other_positives.shape == (2, 1)


def test_one_process_searches_in_the_very_tensor_of_its_anchors() -> None:
    plan = plan_two_views("both_views").groups[0][0]
    task = gathered().task(plan)
    assert task.anchors is task.candidates
    task = gathered(targets=True).task(plan)
    assert task.anchors is not task.candidates


def test_the_dual_softmax_copies_neither_view() -> None:
    views = gathered()
    first, second = (views.task(plan) for plan in plan_two_views("dual").groups[0])
    assert first.anchors is second.candidates
    assert second.anchors is first.candidates


def test_a_memory_gets_the_identities_and_unknown_recordings_are_minus_1() -> None:
    recordings, partners = torch.tensor([3, -1, 5, 6, 7]), torch.tensor([4, -1, 5, 6, 7])
    labels = torch.arange(10).view(5, 2)
    who = [identify(recordings, partners, labels), identify(partners, recordings, labels + 1)]
    views = gathered(targets=True, identities=who)
    memory = views.memory((0, 1))
    assert torch.equal(memory.vectors, torch.cat([normalize(view) for view in views.given.targets]))
    assert memory.identity.recordings.tolist() == [3, -1, 5, 6, 7, 4, -1, 5, 6, 7]
    assert memory.identity.partners.tolist() == [4, -1, 5, 6, 7, 3, -1, 5, 6, 7]
    assert torch.equal(memory.identity.pseudo_labels, torch.cat([labels, labels + 1]))
