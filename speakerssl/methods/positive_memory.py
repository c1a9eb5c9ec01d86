"""The published form of sampled positives: reference embeddings and positives that the last steps left behind.

`references` are gathered over an epoch for the k-means before the next one; the queue holds embeddings of the
recordings of the last steps, detached, to stand in for second views. Both are the same in all processes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.losses import gather
from speakerssl.losses.buffers import fit_buffers
from speakerssl.methods.batch import Batch
from speakerssl.methods.ssps import References

HALVES = 1024  # recordings whose halves are kept, for the estimate of precision


class PositiveMemory(nn.Module):
    """The last `queue_size` recordings' embeddings, and a reference embedding of every recording.

    Memory: 4 bytes x D a recording for references (2.2 GB for 1.09 million of 512), as much an entry for the queue.
    """

    def __init__(self, queue_size: int) -> None:
        super().__init__()
        self.queue_size = queue_size
        integers, floats = torch.zeros(0, dtype=torch.int64), torch.zeros(0, 0)
        self.register_buffer("sampled", integers.clone())  # [N], the recording that each one's positive comes from
        self.register_buffer("references", floats.clone())  # [N, E]
        self.register_buffer("known", torch.zeros(0, dtype=torch.bool))  # [N]
        self.register_buffer("halves", torch.zeros(2, 0, 0))  # [2, up to HALVES, E]
        self.register_buffer("queue", torch.zeros(0, 0, 0))  # [Q, views, D], in ring order
        self.register_buffer("entries", integers.clone())  # [Q], the recording of each entry, -1: none yet
        self.register_buffer("places", integers.clone())  # [N], the last entry of each recording, -1: none
        self.register_buffer("stored", torch.zeros((), dtype=torch.int64))  # entries so far
        self.sampled: Tensor
        self.references: Tensor
        self.known: Tensor
        self.halves: Tensor
        self.queue: Tensor
        self.entries: Tensor
        self.places: Tensor
        self.stored: Tensor

    def gathered_references(self) -> References | None:
        """What was stored so far, on the CPU; None where nothing was."""
        if not self.known.any():
            return None
        first, second = self.halves[0].cpu().numpy(), self.halves[1].cpu().numpy()
        return References(self.references.cpu().numpy(), self.known.cpu().numpy(), (first, second))

    @torch.no_grad()
    def store_references(self, recordings: Tensor, embeddings: Tensor, halves: Tensor, total: int) -> None:
        """Keeps embeddings [B, E] of `recordings` [B] out of `total`, and some halves' [2, H, E], of all processes."""
        recordings, embeddings = gather(recordings), gather(embeddings.float())
        if not len(self.known):
            self.references = embeddings.new_zeros(total, embeddings.shape[1])
            self.known = torch.zeros(total, dtype=torch.bool, device=embeddings.device)
            self.halves = embeddings.new_zeros(2, 0, embeddings.shape[1])
        self.references[recordings] = embeddings
        self.known[recordings] = True
        newest = gather(halves.float().transpose(0, 1).contiguous()).transpose(0, 1)
        self.halves = torch.cat([newest, self.halves], 1)[:, :HALVES].contiguous()

    def exchange(self, positives: Sequence[Tensor], batch: Batch) -> tuple[list[Tensor], Batch]:
        """`positives` [B, D], stored ones in the rows whose sampled recording is stored, and the batch that says so.

        Those rows take no gradient. Without sampled positives both are as they were.
        """
        if not len(self.sampled) or not len(self.entries):
            return list(positives), batch
        wanted = self.sampled[batch.recordings]
        place = self.places[wanted].clamp(min=0)
        found = (self.places[wanted] >= 0) & (self.entries[place] == wanted)
        stored = self.queue[place].unbind(1)
        swapped = [
            torch.where(found[:, None], kept.to(current), current)
            for kept, current in zip(stored, positives, strict=True)
        ]
        return swapped, replace(batch, partners=torch.where(found, wanted, batch.recordings))

    @torch.no_grad()
    def store_positives(self, positives: Sequence[Tensor], recordings: Tensor, total: int) -> None:
        """Keeps the embeddings [B, D] of `recordings` [B] of all processes, in the place of the oldest."""
        new = gather(torch.stack([positive.detach().float() for positive in positives], 1))[-self.queue_size :]
        recordings = gather(recordings)[-self.queue_size :]
        if not len(self.entries):
            self.queue = new.new_zeros(self.queue_size, *new.shape[1:])
            self.entries = torch.full((self.queue_size,), -1, device=new.device)
            self.places = torch.full((total,), -1, device=new.device)
        place = (int(self.stored) + torch.arange(len(new), device=new.device)) % self.queue_size
        # Not in place: what was taken out of the queue in this step may still be needed.
        self.queue = self.queue.index_copy(0, place, new)
        self.entries[place] = recordings
        self.places[recordings] = place
        self.stored += len(new)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """The buffers of a checkpoint are as long as the recordings were many."""
        fit_buffers(self, [name for name, _ in self.named_buffers(recurse=False)], state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)
