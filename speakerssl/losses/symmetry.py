"""From two views to the tasks that a contrastive loss solves: who is an anchor, and among whom it searches.

symmetry        anchors and candidates                                              negatives of an anchor
one_direction   view 1 among view 2: NT-Xent (arXiv 2002.05709)                                    N - 1
both_views      both views among both: SNT-Xent (arXiv 2306.03664)                                2N - 2
dual            view 1 among view 2, and 2 among 1: the softmax of LaBSE (arXiv 2007.01852)        N - 1
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.blockwise import map_blocks
from speakerssl.losses.gather import gather, world
from speakerssl.losses.task import ContrastiveTask

SYMMETRIES = ("one_direction", "both_views", "dual")
ROWS = 256  # whose lengths are differentiated at a time: the formulas make several copies of their rows


@dataclass(frozen=True)
class MemoryBatch:
    """What a memory may keep of a step: unit vectors [P, D] of all processes, and their keys (-1 unknown) [P]."""

    vectors: Tensor
    keys: Tensor


@dataclass(frozen=True)
class Views:
    """Both views of N recordings, promoted to float32 or float64 but not normalized."""

    views: tuple[Tensor, Tensor]  # [N, D] each
    targets: tuple[Tensor, Tensor]  # [N, D] each, in which positives and negatives are looked for
    temperatures: tuple[Tensor, Tensor]  # [N] each
    keys: Tensor | None = None  # [N]
    reference: Tensor | None = None  # [N, R]


def tasks_of(symmetry: str, given: Views, gathered: bool) -> tuple[list[ContrastiveTask], MemoryBatch]:
    """The tasks of `symmetry` (two for dual), anchors of this process among candidates of all."""
    collect = gather if gathered else _identity
    own, known = recording_keys(given.keys, len(given.views[0]), given.views[0].device, gathered)
    units = [normalize(view) for view in given.views]
    targets = units if given.targets is given.views else [normalize(view) for view in given.targets]
    pools = [collect(target) for target in targets]
    keys = collect(own)
    frozen = None if given.reference is None else normalize(promote(given.reference.detach()))
    frozen_pool = None if frozen is None else collect(frozen)

    place = (world()[0] if gathered else 0) * len(own) + torch.arange(len(own), device=own.device)

    def task(views: list[int], anchors: Tensor, candidates: Tensor, positive_indices: Tensor) -> ContrastiveTask:
        copies = len(candidates) // len(keys)
        return ContrastiveTask(
            anchors=anchors,
            positive_indices=positive_indices,
            candidates=candidates,
            norms=torch.cat([lengths(given.views[i]) for i in views]),
            keys=own.repeat(len(views)),
            candidate_keys=keys.repeat(copies),
            temperature=torch.cat([given.temperatures[i] for i in views]),
            reference=None if frozen is None else frozen.repeat(len(views), 1),
            candidate_reference=None if frozen_pool is None else frozen_pool.repeat(copies, 1),
        )

    pool_keys = keys if known else torch.full_like(keys, -1)
    if symmetry == "one_direction":
        memory = MemoryBatch(pools[1].detach(), pool_keys.clamp(min=-1))
        return [task([0], units[0], pools[1], place)], memory
    everyone = torch.cat(pools)
    memory = MemoryBatch(everyone.detach(), pool_keys.clamp(min=-1).repeat(2))
    if symmetry == "dual":
        return [task([i], units[i], pools[1 - i], place) for i in (0, 1)], memory
    # One process searches among its own anchors: the same tensor, whose gradient is then one as well.
    alone = all(memory is unit for memory, unit in zip(pools, units, strict=True))
    anchors = everyone if alone else torch.cat(units)
    return [task([0, 1], anchors, everyone, torch.cat([place + len(keys), place]))], memory


def recording_keys(keys: Tensor | None, count: int, device: torch.device, gathered: bool) -> tuple[Tensor, bool]:
    """Keys [N] under which only same-speaker items are equal, over all processes; and whether they were given."""
    rank = world()[0] if gathered else 0
    # Below every key that a caller gives and the -1 of unknown ones in a memory, different in every process.
    unique = -2 - torch.arange(rank * count, (rank + 1) * count, device=device)
    if keys is None:
        return unique, False
    if keys.shape != (count,) or keys.is_floating_point():
        raise InputError(f"keys must be {count} integers, one a recording, got {keys.dtype} {list(keys.shape)}")
    keys = keys.to(device=device, dtype=torch.int64)
    return torch.where(keys < 0, unique, keys), True


def check_views(*views: Tensor) -> None:
    """Raises InputError unless the views are [N, D] of equal shape with N >= 1."""
    shapes = {tuple(view.shape) for view in views}
    if views[0].dim() != 2 or len(shapes) > 1 or not len(views[0]):
        told = " and ".join(str(list(view.shape)) for view in views)
        raise InputError(f"the loss takes views of equal shape [N, D], got {told}")


def promote(view: Tensor) -> Tensor:
    """float32, or float64 where the input is."""
    return view if view.dtype == torch.float64 else view.float()


def normalize(view: Tensor) -> Tensor:
    """Rows [N, D] to unit length; a row of zeros stays zero."""
    return map_blocks(lambda start, stop, rows, _: nn.functional.normalize(rows[0], dim=1), [view], [], ROWS)


def lengths(view: Tensor) -> Tensor:
    """The length of each row of [N, D], [N]."""
    return map_blocks(lambda start, stop, rows, _: rows[0].norm(dim=1), [view], [], ROWS)


def _identity(tensor: Tensor) -> Tensor:
    return tensor
