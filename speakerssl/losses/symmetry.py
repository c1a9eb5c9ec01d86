"""Which views are anchors, and among which views each looks for its positive: plans of contrastive tasks.

symmetry        anchors and candidates                                              negatives of an anchor
one_direction   view 1 among view 2: NT-Xent (arXiv 2002.05709)                                    N - 1
both_views      both views among both: SNT-Xent (arXiv 2306.03664)                                2N - 2
dual            view 1 among view 2, and 2 among 1: the softmax of LaBSE (arXiv 2007.01852)        N - 1

Of more than two views the first G are global and the others local. `positives` says what a local view is held against:

softmax_of_both  Every local view among the global ones, all G of which are its positives: the sum over the positives
                 of -log softmax, each with the others in its denominator; (N - 1) G negatives. This is multi-view
                 training in the code of the seed paper's authors (github.com/theolepage/sslsv, verified). Without
                 local views the global ones are the anchors: SNT-Xent where there are two.
mean_of_pairs    The mean of the two-view losses of all pairs (global, global) and (local, global), as multi-crop
                 training averages them (SwAV, arXiv 2006.09882).
"""

from dataclasses import dataclass
from itertools import combinations

from speakerssl.errors import InputError, unknown_name

SYMMETRIES = ("one_direction", "both_views", "dual")
POSITIVES = ("softmax_of_both", "mean_of_pairs")
Pairs = list[tuple[int, int]]


@dataclass(frozen=True)
class TaskPlan:
    """One contrastive task in numbers of views, from 0."""

    anchors: tuple[int, ...]
    positives: tuple[int, ...]  # the view of each anchor's positive
    candidates: tuple[int, ...]
    others: tuple[tuple[int, ...], ...] = ()  # the views of each anchor's further positives; () for none


@dataclass(frozen=True)
class ViewPlan:
    """What a loss does with the views that it is given.

    The loss is the mean over all anchors of all tasks, times `scale`. Each of `groups` is the tasks of one loss of its
    own, whose anchors are weighed against each other.
    """

    groups: list[list[TaskPlan]]
    pairs: Pairs  # the pairs of views that regularizers are averaged over
    remembered: tuple[int, ...]  # the views that a memory of negatives keeps
    scale: int = 1


def plan_pair(symmetry: str, first: int = 0, second: int = 1) -> list[TaskPlan]:
    """The tasks of `symmetry` on two views."""
    if symmetry == "one_direction":
        return [TaskPlan((first,), (second,), (second,))]
    if symmetry == "dual":
        return [TaskPlan((first,), (second,), (second,)), TaskPlan((second,), (first,), (first,))]
    return [TaskPlan((first, second), (second, first), (first, second))]


def plan_two_views(symmetry: str) -> ViewPlan:
    """The plan of the ordinary loss of two views. Raises InputError for an unknown symmetry."""
    if symmetry not in SYMMETRIES:
        raise unknown_name("symmetry", symmetry, SYMMETRIES)
    return ViewPlan([plan_pair(symmetry)], [(0, 1)], (1,) if symmetry == "one_direction" else (0, 1))


def plan_many_views(symmetry: str, views: int, num_global: int, positives: str) -> ViewPlan:
    """The plan of the loss of `views` views, of which the first `num_global` are global.

    Raises InputError for unknown `positives`, for fewer than two global views, and for `softmax_of_both` with another
    symmetry than both_views.
    """
    if positives not in POSITIVES:
        raise unknown_name("positives of a multi-view loss", positives, POSITIVES)
    if not 2 <= num_global <= views:
        raise InputError(f"a multi-view loss needs two global views or more, got {num_global} of {views} views")
    everyone = tuple(range(num_global))
    local = tuple(range(num_global, views))
    crossed = [(one, other) for one in local for other in everyone]
    if positives == "mean_of_pairs":
        pairs = [*combinations(everyone, 2), *crossed]
        return ViewPlan([plan_pair(symmetry, one, other) for one, other in pairs], pairs, everyone)
    if symmetry != "both_views":
        raise InputError(f"positives: softmax_of_both takes symmetry: both_views, not {symmetry}")
    rows = crossed or [(one, other) for one in everyone for other in everyone if one != other]
    anchors = tuple(one for one, _ in rows)
    further = tuple(tuple(view for view in everyone if view not in row) for row in rows)
    task = TaskPlan(anchors, tuple(other for _, other in rows), everyone, further if any(further) else ())
    scale = num_global if local else num_global - 1  # positives an anchor: the loss is their sum
    return ViewPlan([[task]], crossed or list(combinations(everyone, 2)), everyone, scale)
