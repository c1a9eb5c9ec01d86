"""What to do about labels that are likely wrong: leave them out, or replace them by what the network predicts.

DLG-LC (arXiv 2304.05754). The gate compares each recording's last loss, without margin, with a threshold that is fixed
or fitted anew each epoch (losses/gate.py). A recording above it is left out of the loss or, with `correct`, taught by
its own prediction, sharpened, where that is confident. The view with the more confident prediction teaches the others:
with `views.clean_prob: 1` one of the first two is as recorded, and usually that one.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.gate import fit_gate
from speakerssl.losses.gather import gather
from speakerssl.options import check_keys, check_range


class LossGate(nn.Module):
    """The last loss of each of `recordings` recordings, and the loss up to which a label is believed.

    Args:
        kind: 'dynamic' fits the threshold to the losses at the end of each epoch, 'fixed' keeps the given one.
        threshold: of 'fixed'. The paper's values are not known to us.
        start_epoch: labels are all believed before it; 1 (a choice): the first epoch only gathers losses.
    """

    def __init__(
        self, recordings: int, kind: str = "dynamic", threshold: float | None = None, start_epoch: float = 1
    ) -> None:
        super().__init__()
        if kind not in ("dynamic", "fixed") or (kind == "fixed") != (threshold is not None):
            raise InputError("gate: kind is 'dynamic', or 'fixed' with a threshold")
        self.kind = kind
        self.start_epoch = check_range("gate 'start_epoch'", start_epoch, 0)
        given = float("inf") if threshold is None else check_range("gate 'threshold'", threshold, 0)
        self.register_buffer("threshold", torch.tensor(given))
        self.register_buffer("losses", torch.full((recordings,), torch.nan))
        self.threshold: Tensor
        self.losses: Tensor

    @torch.no_grad()
    def observe(self, recordings: Tensor, losses: Tensor) -> None:
        """Keeps the losses [B] of recordings [B], of all processes."""
        self.losses[gather(recordings)] = gather(losses.detach().to(self.losses.dtype))

    def believed(self, losses: Tensor, epoch: float) -> Tensor:
        """Which of the losses [B] lie under the gate, bool [B]."""
        if epoch < self.start_epoch:
            return torch.ones_like(losses, dtype=torch.bool)
        return losses.detach() <= self.threshold

    def end_epoch(self) -> None:
        """Fits the threshold of a dynamic gate to the losses as they are."""
        if self.kind == "dynamic":
            self.threshold.fill_(fit_gate(self.losses.cpu().numpy()))


class LabelCorrection:
    """Targets from predictions.

    Args:
        confidence: the least probability of the predicted class; 0.5 (unverified).
        temperature: of the sharpening p^(1/temperature); 0.5 (unverified).
    """

    def __init__(self, confidence: float = 0.5, temperature: float = 0.5) -> None:
        self.confidence = check_range("correct 'confidence'", confidence, 0, 1)
        self.temperature = check_range("correct 'temperature'", temperature, 1e-3, 1)

    @torch.no_grad()
    def targets(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From logits [V, B, C] of V views: targets [B, C], the teaching view [B], which are confident (bool [B])."""
        best, teacher = logits.softmax(2).amax(2).max(0)
        chosen = logits[teacher, torch.arange(logits.shape[1], device=logits.device)]
        return (chosen / self.temperature).softmax(1), teacher, best >= self.confidence


def build_gate(config: Mapping[str, Any] | None, recordings: int) -> LossGate | None:
    """A gate from `{kind, threshold, start_epoch}`, `{}` for the dynamic one; None for none."""
    if config is None:
        return None
    check_keys("method supervised: gate", config, ["kind", "threshold", "start_epoch"])
    return LossGate(recordings, **config)


def build_correction(config: Mapping[str, Any] | None) -> LabelCorrection | None:
    """Corrections from `{confidence, temperature}`; None for none."""
    if config is None:
        return None
    check_keys("method supervised: correct", config, ["confidence", "temperature"])
    return LabelCorrection(**config)
