"""Who is who in a loss: the recording of every item, its partner's recording, and other suspected ones.

An item is one view of a recording: an anchor, a candidate or an entry of a queue. A recording number identifies a
recording for the whole run. A pseudo-label is another, separate thing: the number of a cluster, which holds for one
epoch only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from speakerssl.errors import InputError

UNKNOWN = -1


@dataclass(frozen=True)
class Identity:
    """What is known of N items; made by `identify`.

    Attributes:
        recordings: [N] int64, the recording that each item is cut from; negative: unknown, and equal to no other.
        partners: [N] int64, the recording that the item's positive is cut from: the same one, unless positives are
            sampled from other recordings.
        pseudo_labels: [N, S] int64 of this epoch. The first is the item's own cluster; the others are clusters that
            may hold the same speaker, such as those that its positives are sampled from. Negative: none.
    """

    recordings: Tensor
    partners: Tensor
    pseudo_labels: Tensor

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: slice | Tensor | tuple[slice | None, ...]) -> "Identity":
        """The items at `index`; `[:, None]` and `[None, :]` make rows and columns, for comparisons of all with all."""
        return self.map(lambda values: values[index])

    def map(self, function: Callable[[Tensor], Tensor]) -> "Identity":
        """`function` on each of the three tensors."""
        return Identity(function(self.recordings), function(self.partners), function(self.pseudo_labels))


def identify(recordings: Tensor, partners: Tensor | None = None, pseudo_labels: Tensor | None = None) -> Identity:
    """The identity of N items from recording numbers [N], partners [N] and pseudo-labels [N] or [N, S].

    Raises InputError for other shapes, and for numbers that are no integers.
    """
    count = len(recordings)
    partners = recordings if partners is None else partners
    labels = torch.full_like(recordings, UNKNOWN) if pseudo_labels is None else pseudo_labels
    labels = labels[:, None] if labels.dim() == 1 else labels
    for name, values, dims in (("recordings", recordings, 1), ("partners", partners, 1), ("pseudo-labels", labels, 2)):
        if values.dim() != dims or len(values) != count or values.is_floating_point() or 0 in values.shape[1:]:
            raise InputError(f"{name} must be {count} integers, one an item, got {values.dtype} {list(values.shape)}")
    return Identity(recordings.long(), partners.long(), labels.long())


def join(parts: Sequence[Identity]) -> Identity:
    """The items of all `parts` in order; shorter sets of pseudo-labels are filled up with none."""
    width = max(part.pseudo_labels.shape[1] for part in parts)
    labels = [
        torch.nn.functional.pad(part.pseudo_labels, (0, width - part.pseudo_labels.shape[1]), value=UNKNOWN)
        for part in parts
    ]
    recordings, partners = [part.recordings for part in parts], [part.partners for part in parts]
    return Identity(torch.cat(recordings), torch.cat(partners), torch.cat(labels))


def may_share_speaker(first: Identity, second: Identity) -> Tensor:
    """Whether items are no negatives of each other, elementwise over shapes that broadcast.

    That is where one is of the other's recording or of its partner's, or one's own pseudo-label is among the other's.
    """
    found = first.recordings == second.recordings
    found = found | (first.partners == second.recordings) | (first.recordings == second.partners)
    for one, other in ((first.pseudo_labels, second.pseudo_labels), (second.pseudo_labels, first.pseudo_labels)):
        own = one[..., 0]
        for label in range(other.shape[-1]):
            found = found | ((own == other[..., label]) & (own >= 0))
    return found


def excluded(anchors: Identity, candidates: Identity) -> Tensor:
    """[A, C] bool, which of C candidates are no negatives of which of A anchors."""
    return may_share_speaker(anchors[:, None], candidates[None, :])


def resolve(given: Identity | Sequence[Identity] | None, views: int, like: Tensor, rank: int) -> list[Identity]:
    """The identity of each of `views` views of the N rows of `like`, on its device.

    One for all views may be given, or one a view, or none. A recording that is unknown gets a number that is equal to
    no other over all processes, the same in all views of its row (below the -1 of unknown ones in a memory).

    Raises InputError where there are not N items a view.
    """
    count, device = len(like), like.device
    alone = -2 - torch.arange(rank * count, (rank + 1) * count, device=device)
    if given is None:
        return [identify(alone)] * views
    parts = [given] * views if isinstance(given, Identity) else list(given)
    if len(parts) != views or any(len(part) != count for part in parts):
        told = ", ".join(str(len(part)) for part in parts)
        raise InputError(f"identities must be those of {views} views of {count} items, got {told} items")
    parts = [part.map(lambda values: values.to(device)) for part in parts]
    known = [torch.where(part.recordings < 0, alone, part.recordings) for part in parts]
    return [
        Identity(own, torch.where(part.partners < 0, own, part.partners), part.pseudo_labels)
        for own, part in zip(known, parts, strict=True)
    ]
