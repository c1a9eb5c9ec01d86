"""Cached gradients for any method: a batch of thousands with the memory of a few recordings' activations.

GradCache (arXiv 2101.06983): the encoder embeds the batch in chunks without a graph; the rest of the method computes
the loss and its gradient with respect to the embeddings; then every chunk is encoded again, with a graph, and takes
its gradient back. Gradients are those of the whole batch but for batch normalization, which sees a chunk at a time.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from speakerssl.losses.blockwise import RandomState
from speakerssl.losses.gradcache import running_averages_kept
from speakerssl.options import check_keys, check_range


@dataclass
class EncoderCall:
    """One call of the encoder: its input [B, ...] by chunks, the random state before each, and the embeddings."""

    chunks: list[tuple[Tensor, ...]]
    states: list[RandomState]
    embeddings: Tensor  # [B, D], a leaf whose gradient is the loss's


class EncoderCache:
    """Embeds in chunks of at most `size` recordings while open; `send_back` then completes the encoder's gradients.

        with cache.open():
            loss = method(batch, step).loss
            loss.backward()
        cache.send_back()

    Calls without gradients (teachers, references) go through as they are.
    """

    def __init__(self, encoder: nn.Module, size: int) -> None:
        self.encoder, self.size = encoder, size
        self.calls: list[EncoderCall] = []

    @contextmanager
    def open(self) -> Iterator[None]:
        """Inside, calls of the encoder are cached."""
        self.calls = []
        forward = self.encoder.forward
        self.encoder.forward = self._cached(forward)
        try:
            yield
        finally:
            del self.encoder.forward

    def _cached(self, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def embed(*inputs: Any) -> Tensor:
            if not torch.is_grad_enabled():
                return forward(*inputs)
            given = [tensor for tensor in inputs if tensor is not None]
            # Of nearly equal sizes: a last chunk of a single recording would have no batch statistics.
            number = -(-len(given[0]) // self.size)
            chunks = list(zip(*(tensor.tensor_split(number) for tensor in given)))
            states, embeddings = [], []
            with torch.no_grad(), running_averages_kept(self.encoder):
                for chunk in chunks:
                    states.append(RandomState(chunk[0].device))
                    embeddings.append(forward(*chunk))
            leaf = torch.cat(embeddings).requires_grad_()
            self.calls.append(EncoderCall(chunks, states, leaf))
            return leaf

        return embed

    def send_back(self) -> None:
        """Encodes every chunk again and sends its gradient through; to be called under the same autocast."""
        calls, self.calls = self.calls, []
        for call in calls:
            if call.embeddings.grad is None:
                continue
            after = RandomState(call.embeddings.device)
            gradients = call.embeddings.grad.tensor_split(len(call.chunks))
            for chunk, state, gradient in zip(call.chunks, call.states, gradients, strict=True):
                state.restore()
                self.encoder(*chunk).backward(gradient)
            after.restore()


def build_encoder_cache(encoder: nn.Module, config: dict[str, Any]) -> EncoderCache | None:
    """From `training.grad_cache`: `{chunk: 64}`, recordings that are encoded with a graph at a time; {} for none."""
    if not config:
        return None
    check_keys("training.grad_cache", config, ["chunk"])
    return EncoderCache(encoder, int(check_range("training.grad_cache 'chunk'", config.get("chunk", 64), 1)))


def average_gradients(module: nn.Module, shared_out: Collection[nn.Parameter] = ()) -> None:
    """The mean over processes of every parameter's gradient, as data parallelism takes it; none of `shared_out`."""
    own = {id(parameter) for parameter in shared_out}
    for parameter in module.parameters():
        if parameter.requires_grad and id(parameter) not in own:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            dist.all_reduce(gradient)
            parameter.grad = gradient.div_(dist.get_world_size())
