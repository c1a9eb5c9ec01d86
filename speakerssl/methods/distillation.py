"""Self-distillation: from one view a student predicts the soft assignment that a teacher gives to another view."""

import torch
from torch import Tensor

from speakerssl.losses.vectors import promote


def cross_view_entropy(targets: list[Tensor], logits: list[Tensor], same_views: bool = True) -> Tensor:
    """The mean over pairs of views t != v of -sum_k targets[t] log_softmax(logits[v]).

    Args:
        targets: probabilities [N, K] of the global views by the teacher.
        logits: [N, K] of all views by the student, the global ones first, over its temperature.
        same_views: whether view number t of both is the same; otherwise all pairs count.
    """
    logs = [torch.log_softmax(promote(view), 1) for view in logits]
    pairs = [(t, v) for t in range(len(targets)) for v in range(len(logs)) if not same_views or v != t]
    terms = [-(targets[t] * logs[v]).sum(1).mean() for t, v in pairs]
    return torch.stack(terms).mean()


def target_numbers(targets: list[Tensor]) -> dict[str, float]:
    """What collapse looks like in the teacher: the entropy of a target and of the mean target, in nats.

    `target_entropy` near log K: every target is uniform. `usage_entropy` near 0: all are one class.
    """
    both = torch.cat(targets)
    mean = both.mean(0)
    entropy = -torch.special.xlogy(both, both).sum(1).mean()
    usage = -torch.special.xlogy(mean, mean).sum()
    return {"target_entropy": entropy.item(), "usage_entropy": usage.item()}
