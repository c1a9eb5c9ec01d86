"""Cached gradients: the loss of thousands of recordings with the memory of a few (GradCache, arXiv 2101.06983).

The embeddings of all are computed in chunks without a graph; the loss gives its gradient with respect to each
embedding; then each chunk is encoded again, with a graph, and that gradient is sent back through it. The
parameters' gradients are those of the whole batch, at the price of a second forward pass.

Batch normalization in training mode normalizes over what it sees, which is a chunk: the gradients are then those
of an encoder that normalizes each chunk by itself, as it does on several processes. Its running averages are
updated once. Dropout draws the same numbers in both passes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.losses.blockwise import RandomState
from speakerssl.losses.task import LossOutput
from speakerssl.options import check_range

Inputs = Tensor | Sequence[Tensor]


class GradCache:
    """Accumulates the gradients of `loss(encoder(view1), encoder(view2))` for a batch of any size.

    encoder: maps a batch of inputs [B, ...] to [B, D] (it may be wrapped for data parallelism, which then
        averages gradients once, at the last chunk).
    loss: called with both views' embeddings [N, D] and what else `backward` is given; returns LossOutput.
    chunk_size: recordings that are encoded with a graph at a time.

    A batch may lie on the CPU while the encoder is on a GPU: chunks are moved as they are encoded. Of the whole batch
    nothing is held but copies of the embeddings: one while encoding, about four in the loss, whose blocks
    (`block_size`) bound all else, and one, their gradient, while sending back.
    """

    def __init__(self, encoder: nn.Module, loss: Callable[..., LossOutput], chunk_size: int = 64) -> None:
        self.encoder = encoder
        self.device = next((parameter.device for parameter in encoder.parameters()), None)
        self.loss = loss
        self.chunk_size = int(check_range("gradcache 'chunk_size'", chunk_size, 1))

    def backward(self, view1: Inputs, view2: Inputs, scale: float = 1.0, **options: Any) -> LossOutput:
        """Adds the gradients of scale x loss to the parameters' `grad`; view1 and view2 [N, ...].

        A view may also be a sequence of chunks [B, ...] of any sizes, of which each is asked for twice, when it is
        encoded, and must be the same both times: chunks that are read or computed then are never held together.
        `options` go to the loss (step, keys, ...). The loss that is returned is detached.
        """
        views = [view.split(self.chunk_size) if isinstance(view, Tensor) else view for view in (view1, view2)]
        states: list[RandomState] = []
        # Not named here: the embeddings are to be gone before chunks are encoded with a graph.
        output, gradients = self._solve([self._embed(chunks, states) for chunks in views], scale, options)
        if gradients:
            self._send_back(views, states, gradients)
        return output

    @torch.no_grad()
    def _embed(self, chunks: Sequence[Tensor], states: list[RandomState]) -> Tensor:
        """The embeddings [N, D] of a view; the random state before each chunk joins `states`."""
        embeddings = []
        with running_averages_kept(self.encoder):
            for chunk in chunks:
                states.append(RandomState(self.device or chunk.device))
                embeddings.append(self.encoder(chunk.to(self.device)))
        return torch.cat(embeddings)

    def _solve(self, views: list[Tensor], scale: float, options: dict[str, Any]) -> tuple[LossOutput, list[Tensor]]:
        """The detached loss, and its gradients with respect to both views' embeddings (an empty list for none)."""
        leaves = [view.requires_grad_() for view in views]
        output = self.loss(*leaves, **options)
        (output.loss * scale).backward()
        detached = LossOutput(output.loss.detach(), output.logs)
        if all(leaf.grad is None for leaf in leaves):
            return detached, []
        return detached, [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]

    def _send_back(self, views: list[Sequence[Tensor]], states: list[RandomState], gradients: list[Tensor]) -> None:
        after = RandomState(states[0].device)
        number = 0
        for chunks, gradient in zip(views, gradients, strict=True):
            start = 0
            for chunk in chunks:
                states[number].restore()
                number += 1
                with _no_sync(self.encoder, number < len(states)):
                    self.encoder(chunk.to(self.device)).backward(gradient[start : start + len(chunk)])
                start += len(chunk)
        after.restore()


def _no_sync(encoder: nn.Module, wanted: bool) -> AbstractContextManager[Any]:
    """DistributedDataParallel's no_sync where wanted and there."""
    no_sync = getattr(encoder, "no_sync", None)
    return no_sync() if wanted and no_sync is not None else nullcontext()


@contextmanager
def running_averages_kept(module: nn.Module) -> Iterator[None]:
    """Batch normalization leaves its running averages (and its count of batches) alone inside."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    tracked = [norm for norm in norms if norm.track_running_stats and norm.running_mean is not None]
    saved = [(norm, norm.momentum, norm.num_batches_tracked) for norm in tracked]
    for norm, _, count in saved:
        norm.momentum = 0.0
        norm.num_batches_tracked = None if count is None else count.clone()
    try:
        yield
    finally:
        for norm, momentum, count in saved:
            norm.momentum = momentum
            norm.num_batches_tracked = count
