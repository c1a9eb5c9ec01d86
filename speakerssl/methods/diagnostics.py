"""Is the encoder collapsing? Numbers on the embeddings of a batch, and the stop that says what was seen.

alignment            mean |x - y|^2 of positive pairs                 (Wang and Isola 2020, arXiv 2005.10242)
uniformity           log mean e^{-2 |x - y|^2} over different pairs    (same; 0 when all are equal)
effective_rank       e^entropy of the centred singular values          (RankMe, arXiv 2210.02885)
spread               sqrt(mean |x - mean x|^2): 0 when all are equal, near 1 when all directions are used
positive_cosine, negative_cosine                                       means over pairs
false_negative_rate  share of negative pairs of one speaker, where labels exist (they are used for nothing else)

All are of unit vectors; x and y are the embeddings of a batch's first and second views.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError, JobError
from speakerssl.losses import uniformity
from speakerssl.options import check_keys, check_range


@torch.no_grad()
def embedding_numbers(first: Tensor, second: Tensor, speakers: Tensor | None = None) -> dict[str, float]:
    """The numbers above for embeddings [N, D] of both views; `speakers` [N] integers, -1 where unknown."""
    with torch.autocast(first.device.type, enabled=False):
        x, y = (nn.functional.normalize(view.detach().float(), dim=1) for view in (first, second))
        count = len(x)
        cosines = x @ y.T
        positive = cosines.diagonal().mean()
        negative = (cosines.sum() - cosines.diagonal().sum()) / max(1, count * (count - 1))
        both = torch.cat([x, y])
        numbers = {
            "alignment": (x - y).square().sum(1).mean(),
            "uniformity": (uniformity(x) + uniformity(y)) / 2,
            "effective_rank": effective_rank(both),
            "spread": (both - both.mean(0)).square().sum(1).mean().sqrt(),
            "positive_cosine": positive,
            "negative_cosine": negative,
        }
        values = dict(zip(numbers, torch.stack(list(numbers.values())).tolist()))
    if speakers is not None:
        values["false_negative_rate"] = false_negative_rate(speakers)
    return values


def effective_rank(vectors: Tensor) -> Tensor:
    """e^H of the singular values of the centred [N, D], scaled to sum 1; from 1 to min(N, D)."""
    centred = vectors - vectors.mean(0)
    gram = centred @ centred.T if len(centred) <= centred.shape[1] else centred.T @ centred
    values = torch.linalg.eigvalsh(gram.double()).clamp(min=0).sqrt()
    share = values / values.sum().clamp(min=1e-12)
    return torch.exp(-torch.special.xlogy(share, share).sum()).float()


def false_negative_rate(speakers: Tensor) -> float:
    """The share of pairs of different recordings, both with a known speaker [N], that have the same one."""
    known = speakers[speakers >= 0]
    pairs = len(known) * (len(known) - 1)
    same = int((known[:, None] == known[None, :]).sum()) - len(known)
    return same / pairs if pairs else float("nan")


class CollapseMonitor(nn.Module):
    """Stops training when `patience` checks in a row, after `warmup_steps`, see embeddings that have collapsed.

    Collapsed means: `spread` below `min_spread` (all embeddings are one point: at 0.02 the mean cosine of any two
    is 0.9996) or `effective_rank` below `min_rank` (they lie on a line). The thresholds are choices.
    """

    def __init__(
        self, warmup_steps: int = 200, patience: int = 5, min_rank: float = 2.0, min_spread: float = 0.02
    ) -> None:
        super().__init__()
        self.warmup_steps = int(check_range("collapse 'warmup_steps'", warmup_steps, 0))
        self.patience = int(check_range("collapse 'patience'", patience, 1))
        self.min_rank = check_range("collapse 'min_rank'", min_rank, 0)
        self.min_spread = check_range("collapse 'min_spread'", min_spread, 0, 1)
        self.register_buffer("low", torch.zeros((), dtype=torch.int64))  # collapsed checks in a row
        self.register_buffer("last_step", torch.full((), -1, dtype=torch.int64))
        self.low: Tensor
        self.last_step: Tensor

    def check(self, numbers: Mapping[str, float], step: int) -> None:
        """Raises JobError with the numbers seen. Micro-batches of one step count once."""
        collapsed = numbers["spread"] < self.min_spread or numbers["effective_rank"] < self.min_rank
        if step < self.warmup_steps or not collapsed:
            self.low.zero_()
            return
        if step != int(self.last_step):
            self.low += 1
            self.last_step.fill_(step)
        if int(self.low) >= self.patience:
            raise JobError(
                f"the embeddings collapsed: at step {step}, for {int(self.low)} checks in a row, effective rank "
                f"{numbers['effective_rank']:.2f} and spread {numbers['spread']:.4f} (collapsed below "
                f"{self.min_rank:g} or {self.min_spread:g}), mean cosine of different recordings "
                f"{numbers['negative_cosine']:.4f}; lower the learning rate or change the method's options"
            )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """A checkpoint made before there was a monitor starts its count at 0."""
        for name, buffer in self.named_buffers(recurse=False):
            state_dict.setdefault(prefix + name, buffer)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def build_collapse_monitor(config: Any) -> CollapseMonitor | None:
    """From a method's `collapse` option: a mapping of CollapseMonitor's options, or false for no stop."""
    if config is False:
        return None
    options = {} if config is None or config is True else config
    if not isinstance(options, Mapping):
        raise InputError(f"method: collapse: expected options or false, found {config!r}")
    check_keys("collapse", options, ["warmup_steps", "patience", "min_rank", "min_spread"])
    return CollapseMonitor(**options)
