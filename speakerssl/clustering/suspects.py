"""Which labels are likely wrong, from embeddings and the labels themselves. Works on pseudo-labels as on given ones.

Two ways, each with a score a recording that is higher the more suspect its label is:

- `aum`: the area under the margin (arXiv 2001.10528, losses/aum.py) of a classifier on the embeddings. What does not
  rise above the 99th percentile of the threshold samples is suspect (the percentile from memory: unverified).
- `subcentre`: Sub-center ArcFace (ECCV 2020). With K centres a class the wrong recordings gather at centres of their
  own; a recording over 75 degrees from the centre that most of its class belongs to is suspect (the angle from memory
  of the paper: unverified).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speakerssl.clustering.heads import prepare, train_head
from speakerssl.errors import InputError, unknown_name
from speakerssl.losses import build_head
from speakerssl.losses.aum import PERCENTILE, AreaUnderMargin, lead
from speakerssl.losses.head import Head

DEGREES = 75.0


@dataclass(frozen=True)
class Suspects:
    """`scores` [N], higher is more suspect, and what lies over `threshold`."""

    scores: np.ndarray
    threshold: float

    @property
    def suspect(self) -> np.ndarray:
        """bool [N]."""
        return self.scores > self.threshold


def find_suspects(
    embeddings: np.ndarray, labels: np.ndarray, method: str = "aum", epochs: int = 30, seed: int = 0
) -> Suspects:
    """Scores the labels [N] (0 to C - 1) of embeddings [N, D] by `method`, a name of `METHODS`.

    Raises InputError for an unknown method, fewer than two classes, or sizes that differ.
    """
    if method not in METHODS:
        raise unknown_name("cleaning method", method, METHODS)
    if len(embeddings) != len(labels):
        raise InputError(f"{len(embeddings)} embeddings and {len(labels)} labels")
    if len(np.unique(labels)) < 2:
        raise InputError("cleaning compares classes: it needs recordings of two speakers or more")
    return METHODS[method](prepare(embeddings), torch.from_numpy(np.asarray(labels, np.int64)), epochs, seed)


def _observe(area: AreaUnderMargin, rows: Tensor, logits: Tensor, labels: Tensor) -> None:
    """Logits [B, C] of recordings `rows` [B] before their update."""
    area.observe(rows, lead(logits, labels))


def _by_margin(inputs: Tensor, labels: Tensor, epochs: int, seed: int) -> Suspects:
    """Two runs, each with other threshold samples, so that every recording is judged under its own label."""
    number, classes = len(inputs), int(labels.max()) + 1
    count = min(max(1, number // (classes + 1)), number // 2)
    order = np.random.default_rng(seed).permutation(number)
    totals, runs, fakes = np.zeros(number), np.zeros(number), []
    for run in range(2):
        fake = order[run * count : (run + 1) * count]
        relabelled = labels.clone()
        relabelled[torch.from_numpy(fake)] = classes
        area = AreaUnderMargin(number)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + run)
            head = build_head({"name": "softmax"}, inputs.shape[1], classes + 1)
            train_head(head, inputs, relabelled, epochs, seed + run, observe=functools.partial(_observe, area))
        values = area.values()
        fakes.append(values[fake])
        values[fake] = 0.0
        totals += values
        runs += ~np.isin(np.arange(number), fake)
    return Suspects(-totals / runs, -float(np.percentile(np.concatenate(fakes), PERCENTILE)))


def _by_subcentre(inputs: Tensor, labels: Tensor, epochs: int, seed: int) -> Suspects:
    """The angle in degrees between a recording and the dominant sub-centre of its class."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = build_head({"name": "subcentre_aam"}, inputs.shape[1], int(labels.max()) + 1)
        train_head(head, inputs, labels, epochs, seed)
    return Suspects(dominant_angles(head, inputs, labels), DEGREES)


@torch.no_grad()
def dominant_angles(head: Head, inputs: Tensor, labels: Tensor) -> np.ndarray:
    """Degrees [N] between each embedding [N, D] and the sub-centre that most recordings of its class are closest to."""
    weight = head.weight.view(head.num_classes, head.subcentres, -1)
    units = torch.nn.functional.normalize(inputs, dim=1)
    cosines = []
    for rows in torch.arange(len(inputs)).split(65536):
        own = torch.nn.functional.normalize(weight[labels[rows]], dim=2)
        cosines.append((own @ units[rows, :, None]).squeeze(2))
    each = torch.cat(cosines)  # [N, K]
    votes = torch.zeros(head.num_classes, head.subcentres)
    votes.index_put_((labels, each.argmax(1)), torch.ones(len(labels)), accumulate=True)
    chosen = each.gather(1, votes.argmax(1)[labels][:, None]).squeeze(1)
    return torch.rad2deg(torch.acos(chosen.clamp(-1, 1))).double().numpy()


METHODS: dict[str, Callable[[Tensor, Tensor, int, int], Suspects]] = {"aum": _by_margin, "subcentre": _by_subcentre}
