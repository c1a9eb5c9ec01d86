"""Plans: which views are anchors, among which each looks, and what is left to regularizers and memories."""

import pytest

from speakerssl.errors import InputError
from speakerssl.losses.symmetry import TaskPlan, plan_many_views, plan_two_views


def test_two_views() -> None:
    assert plan_two_views("one_direction").groups == [[TaskPlan((0,), (1,), (1,))]]
    assert plan_two_views("dual").groups == [[TaskPlan((0,), (1,), (1,)), TaskPlan((1,), (0,), (0,))]]
    assert plan_two_views("both_views").groups == [[TaskPlan((0, 1), (1, 0), (0, 1))]]
    remembered = [plan_two_views(symmetry).remembered for symmetry in ("one_direction", "dual", "both_views")]
    assert remembered == [(1,), (0, 1), (0, 1)]


def test_local_views_are_anchors_among_the_global_ones_and_have_all_of_them_as_positives() -> None:
    plan = plan_many_views("both_views", 4, 2, "softmax_of_both")
    assert plan.groups == [[TaskPlan((2, 2, 3, 3), (0, 1, 0, 1), (0, 1), ((1,), (0,), (1,), (0,)))]]
    assert (plan.scale, plan.remembered, plan.pairs) == (2, (0, 1), [(2, 0), (2, 1), (3, 0), (3, 1)])


def test_without_local_views_it_is_snt_xent() -> None:
    plan = plan_many_views("both_views", 2, 2, "softmax_of_both")
    assert plan == plan_two_views("both_views")
    three = plan_many_views("both_views", 3, 3, "softmax_of_both")
    assert three.scale == 2
    assert three.groups[0][0].anchors == (0, 0, 1, 1, 2, 2)
    assert three.groups[0][0].others == ((2,), (1,), (2,), (0,), (1,), (0,))


def test_the_mean_of_pairs_has_a_loss_of_its_own_for_every_pair() -> None:
    plan = plan_many_views("dual", 3, 2, "mean_of_pairs")
    assert plan.pairs == [(0, 1), (2, 0), (2, 1)]
    assert plan.groups[1] == [TaskPlan((2,), (0,), (0,)), TaskPlan((0,), (2,), (2,))]
    assert (plan.scale, plan.remembered) == (1, (0, 1))


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="unknown symmetry 'both'"):
        plan_two_views("both")
    with pytest.raises(InputError, match="unknown positives of a multi-view loss 'all'"):
        plan_many_views("both_views", 4, 2, "all")
    with pytest.raises(InputError, match="two global views or more, got 1 of 4"):
        plan_many_views("both_views", 4, 1, "mean_of_pairs")
    with pytest.raises(InputError, match="softmax_of_both takes symmetry: both_views, not dual"):
        plan_many_views("dual", 4, 2, "softmax_of_both")
