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

from speakerssl.losses.options import check_range
from speakerssl.losses.output import LossOutput


class GradCache:
    """Accumulates the gradients of `loss(encoder(view1), encoder(view2))` for a batch of any size.

    encoder: maps a batch of inputs [B, ...] to [B, D] (it may be wrapped for data parallelism, which then
        averages gradients once, at the last chunk).
    loss: called with both views' embeddings [N, D] and what else `backward` is given; returns LossOutput.
    chunk_size: recordings that are encoded with a graph at a time.

    A batch may lie on the CPU while the encoder is on a GPU: chunks are moved as they are encoded.
    """

    def __init__(self, encoder: nn.Module, loss: Callable[..., LossOutput], chunk_size: int = 64) -> None:
        self.encoder = encoder
        self.device = next((parameter.device for parameter in encoder.parameters()), None)
        self.loss = loss
        self.chunk_size = int(check_range("gradcache 'chunk_size'", chunk_size, 1))

    def backward(self, view1: Tensor, view2: Tensor, scale: float = 1.0, **options: Any) -> LossOutput:
        """Adds the gradients of scale x loss to the parameters' `grad`; view1 and view2 [N, ...].

        `options` go to the loss (step, keys, ...). The loss that is returned is detached.
        """
        chunks = [*view1.split(self.chunk_size), *view2.split(self.chunk_size)]
        embeddings, states = self._embed(chunks)
        leaves = embeddings.requires_grad_()
        output = self.loss(leaves[: len(view1)], leaves[len(view1) :], **options)
        (output.loss * scale).backward()
        if leaves.grad is not None:
            self._send_back(chunks, states, leaves.grad.split([len(chunk) for chunk in chunks]))
        return LossOutput(output.loss.detach(), output.logs)

    @torch.no_grad()
    def _embed(self, chunks: Sequence[Tensor]) -> tuple[Tensor, list["_Random"]]:
        embeddings, states = [], []
        with running_averages_kept(self.encoder):
            for chunk in chunks:
                states.append(_Random(self.device or chunk.device))
                embeddings.append(self.encoder(chunk.to(self.device)))
        return torch.cat(embeddings), states

    def _send_back(self, chunks: Sequence[Tensor], states: Sequence["_Random"], gradients: Sequence[Tensor]) -> None:
        after = _Random(self.device or chunks[0].device)
        for number, (chunk, state, gradient) in enumerate(zip(chunks, states, gradients, strict=True)):
            last = number == len(chunks) - 1
            with _no_sync(self.encoder, not last):
                state.restore()
                self.encoder(chunk.to(self.device)).backward(gradient)
        after.restore()


class _Random:
    """The state of the random generators of the CPU and of a device, to encode a chunk twice alike."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)


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
