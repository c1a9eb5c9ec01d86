"""What a classification head does with its classes, all of them in one process; class_shard.py does it over several."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AllClasses:
    """What a head does with `number` classes that are all in this process.

    `places` [N] say where among S classes each label is; in a `ClassShard` -1 for those of another process.
    """

    shared = False

    def __init__(self, number: int) -> None:
        self.number = number
        self.bounds = [0, number]

    @property
    def span(self) -> slice:
        """The classes whose centres are here."""
        return slice(0, self.number)

    def rows(self, whole: Tensor) -> Tensor:
        """Those of one or more rows a class [C K, ...] that are of the classes here."""
        each = len(whole) // self.number
        return whole[self.span.start * each : self.span.stop * each]

    def gathered(self, tensor: Tensor) -> Tensor:
        """[N, ...] of all embeddings that are compared with the classes here."""
        return tensor

    def returned(self, tensor: Tensor) -> Tensor:
        """The part of `gathered` rows that this process brought."""
        return tensor

    def parameter(self, parameter: Tensor) -> Tensor:
        """The parameter as a loss takes it."""
        return parameter

    @contextmanager
    def drawing(self, device: torch.device) -> Iterator[None]:
        """Inside, all processes draw the same random numbers."""
        yield

    def local(self, classes: Tensor | None, labels: Tensor) -> tuple[Tensor | None, Tensor]:
        """Of the compared `classes` [S] (in rising order; None: all) those here, as rows, and the `labels`' places."""
        return classes, labels if classes is None else torch.searchsorted(classes, labels)

    def own(self, values: Tensor, places: Tensor) -> Tensor:
        """The value [N] of each label among `values` [N, S]."""
        return values.gather(1, places[:, None]).squeeze(1)

    def put(self, values: Tensor, places: Tensor, own: Tensor) -> Tensor:
        """`values` [N, S] with `own` [N] at the labels' places."""
        return values.scatter(1, places[:, None], own[:, None])

    def sum(self, values: Tensor) -> Tensor:
        """The sum [N] of `values` [N, S] over all classes."""
        return values.sum(1)

    def largest(self, values: Tensor) -> Tensor:
        """The largest [N] of `values` [N, S] over all classes, without gradients."""
        return values.detach().amax(1)

    def cross_entropy(self, logits: Tensor, places: Tensor, classes: int, smoothing: float) -> Tensor:
        """[N] of `logits` [N, S], `classes` over all processes; `smoothing` is spread evenly over them."""
        return nn.functional.cross_entropy(logits, places, reduction="none", label_smoothing=smoothing)

    def correct(self, logits: Tensor, places: Tensor) -> Tensor:
        """Whether the label's logit is the largest, bool [N]."""
        return logits.argmax(1) == places
