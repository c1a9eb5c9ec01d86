"""Supervised training: an encoder and a classification head on labels, which may be clusters or recordings.

    method: {name: supervised, labels: utt2spk}            speakers of data.train
    method: {name: supervised, labels: exp/utt2cluster}    pseudo-labels of `speakerssl cluster`, or any utt2spk
    method: {name: supervised, labels: recordings}         every recording a class (DIET, arXiv 2302.10260)
    loss: {name: aam, margin: 0.2, scale: 30}              any word of losses/classifiers.py
    loss: {name: aam, shard_classes: true}                 each process holds its share of the class centres
    method: {name: supervised, labels: utt2spk, aum: {}}   the run also writes which labels are likely wrong

Every view of a recording is classified on its own. Recordings without a label take no part.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.data.labels import Labels
from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.losses import Classified, Head, LossOutput, build_head
from speakerssl.losses.aum import ThresholdSamples
from speakerssl.methods.base import Method, check_options, keep_from_data_parallelism, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.label_trust import LabelCorrection, LossGate, build_correction, build_gate
from speakerssl.methods.views import at_least, join_views
from speakerssl.options import check_keys


class Supervised(Method):
    """Trains on labels that `use_labels` brings; until then there is no head.

    Attributes:
        source: where labels come from, for who reads them: 'utt2spk', 'recordings' or a file.
        speeds: factors at which every recording is a further one with a class of its own.
        centres: a file of embeddings at whose means the class centres begin, for who reads it; None: at random.
        head: the classification head, once labels are known.
        aum: how far each recording's own logit has been above the others, with `aum`.
        class_keys: a hash of each class's name [C] int64, by which a head is known again.
    """

    head: Head
    gate: LossGate | None
    aum: ThresholdSamples | None
    class_keys: Tensor
    soft_classes: Tensor
    soft_shares: Tensor

    def __init__(
        self,
        encoder: Encoder,
        loss: Mapping[str, Any],
        source: str,
        speeds: tuple[float, ...] = (),
        balanced: bool = False,
        gate: Mapping[str, Any] | None = None,
        correction: LabelCorrection | None = None,
        aum: Mapping[str, Any] | None = None,
        centres: str | None = None,
    ) -> None:
        super().__init__()
        self.centres = centres
        self.encoder, self.loss_config = encoder, dict(loss)
        self.source, self.speeds, self.balanced = source, speeds, balanced
        self.gate_config, self.correction = gate, correction
        self.gate, self.aum_config, self.aum = None, aum, None
        build_head(self.loss_config, encoder.embed_dim, 100)  # a wrong option is told before any data is read
        build_gate(gate, 1)

    def use_labels(self, labels: Labels) -> None:
        """Makes the head for `labels` of all recordings of the training data."""
        if labels.soft and self.gate_config is not None:
            raise InputError("method supervised: a gate is for hard labels, these are soft")
        if labels.soft and self.loss_config.get("shard_classes"):
            raise InputError("loss.shard_classes is for hard labels, these are soft: leave it out")
        if labels.soft and self.aum_config is not None:
            raise InputError("method supervised: aum is for hard labels, these are soft")
        self.labels, names = labels.hard, list(labels.names)
        if self.aum_config is not None:
            self.aum = ThresholdSamples(len(labels.classes), len(names), **self.aum_config)
            self.labels = self.aum.relabelled(labels.hard)
            names.append(THRESHOLD_CLASS)
        self.head = build_head(self.loss_config, self.encoder.embed_dim, len(names))
        self.gate = build_gate(self.gate_config, len(labels.classes))
        self.register_buffer("class_keys", torch.tensor([_key(name) for name in names]))
        keep_from_data_parallelism(self, [*self.by_class, *(["class_keys"] if self.by_class else [])])
        if self.aum is not None:  # all processes add the same to them
            keep_from_data_parallelism(self, (f"aum.{name}" for name, _ in self.aum.named_buffers()))
        if labels.soft:
            self.register_buffer("soft_classes", torch.from_numpy(labels.classes), persistent=False)
            self.register_buffer("soft_shares", torch.from_numpy(labels.shares), persistent=False)

    @property
    def by_class(self) -> dict[str, tuple[nn.Parameter, list[int]]]:
        head = getattr(self, "head", None)
        if head is None or not head.classes.shared:
            return {}
        each = {name: head.subcentres if name == "weight" else 1 for name in head.by_class}
        bounds = {name: [bound * each[name] for bound in head.classes.bounds] for name in head.by_class}
        return {f"head.{name}": (getattr(head, name), bounds[name]) for name in head.by_class}

    def forward(self, batch: Batch, step: int) -> LossOutput:
        if batch.labels is None:
            raise InputError("method supervised was given a batch without labels")
        embeddings = torch.stack(join_views(self.encoder, batch.views))  # [V, B, D]
        views = len(embeddings)
        targets = self._soft_targets(batch.recordings)
        found = self.head.classify(
            embeddings.flatten(0, 1), batch.labels.repeat(views), step,
            None if targets is None else targets.repeat(views, 1),
        )  # fmt: skip
        losses = found.losses.view(views, -1).mean(0)
        if self.aum is not None and self.training:
            self.aum.observe(batch.recordings, self.head.lead(found).view(views, -1).mean(0))
        logs = {name: float(value) for name, value in found.logs.items()}
        if self.gate is not None:
            plain = self.head.plain_losses(found).view(views, -1).mean(0)
            losses, more = self._gated(losses, plain, embeddings, batch, step)
            logs |= more
        output = LossOutput(losses.mean(), logs)
        return self.with_diagnostics(output, embeddings[0], embeddings[-1], batch, step)

    def after_step(self, step: int, total_steps: int) -> None:
        if self.gate is not None and self.plan.steps_per_epoch and (step + 1) % self.plan.steps_per_epoch == 0:
            self.gate.end_epoch()

    def _gated(
        self, losses: Tensor, plain: Tensor, embeddings: Tensor, batch: Batch, step: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Losses [B] of believed labels, of corrected ones, and 0 for the rest, with what to log.

        The gate sees the `plain` losses [B], without margin: a margin that rises with the steps would lift all of them
        over a threshold of the epoch before, and the network would be left to teach itself.
        """
        assert self.gate is not None
        if self.correction is not None:  # told at the first step, not when the gate first holds a label back
            at_least("supervised with correct", batch.views, 2, "views.num_global")
        if self.training:
            self.gate.observe(batch.recordings, plain)
        believed = self.gate.believed(plain, self.epoch_at(step))
        corrected = torch.zeros_like(believed)
        other = torch.zeros_like(losses)
        if self.correction is not None and not bool(believed.all()):
            other, confident = self._corrected_losses(self.correction, embeddings, batch, step)
            corrected = confident & ~believed
        kept = torch.where(believed, losses, torch.where(corrected, other, torch.zeros_like(losses)))
        numbers = {"believed": believed, "corrected": corrected}
        logs = {f"gate/{name}": float(value.float().mean()) for name, value in numbers.items()}
        return kept, {**logs, "gate/threshold": float(self.gate.threshold)}

    def _corrected_losses(
        self, correction: LabelCorrection, embeddings: Tensor, batch: Batch, step: int
    ) -> tuple[Tensor, Tensor]:
        """Losses [B] of the views that learn from the most confident one, and where that is confident enough [B]."""
        assert batch.labels is not None
        views = len(embeddings)
        logits = torch.stack([self.head.logits(view.detach().float()) for view in embeddings])
        targets, teacher, confident = correction.targets(logits)
        found: Classified = self.head.classify(
            embeddings.flatten(0, 1), batch.labels.repeat(views), step, targets.repeat(views, 1)
        )
        learns = torch.arange(views, device=teacher.device)[:, None] != teacher
        return (found.losses.view(views, -1) * learns).sum(0) / (views - 1), confident

    def _soft_targets(self, recordings: Tensor) -> Tensor | None:
        """Targets [B, C] of soft labels, or None."""
        if "soft_classes" not in self._buffers:
            return None
        targets = self.soft_shares.new_zeros(len(recordings), self.head.num_classes)
        return targets.scatter_add_(1, self.soft_classes[recordings], self.soft_shares[recordings])


def _key(name: str) -> int:
    """A 64-bit hash of a class's name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


OPTIONS = ("labels", "speeds", "balanced", "gate", "correct", "aum", "centres")
THRESHOLD_CLASS = "threshold samples"  # no class of a file has a space


@register("supervised")
def build_supervised(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: labels (utt2spk, recordings or a file; required), speeds (such as [0.9, 1.1]), balanced (each class
    equally often), gate ({}, or {kind: fixed, threshold: T}), correct ({}: corrects what the gate holds back), aum ({},
    or {share, percentile}: the run writes suspect_labels), centres (a file of the recordings' embeddings, at whose
    means the class centres begin: those that were clustered)."""
    check_options("supervised", options, OPTIONS)
    source, balanced = options.get("labels"), options.get("balanced", False)
    if not isinstance(source, str):
        raise InputError("method supervised needs `labels`: utt2spk, recordings, or a file of `recording class` lines")
    if not isinstance(balanced, bool):
        raise InputError(f"method supervised: balanced is true or false, not {balanced!r}")
    gate, correction = options.get("gate"), build_correction(options.get("correct"))
    if correction is not None and gate is None:
        raise InputError("method supervised: `correct` needs a `gate` that says which labels to correct")
    if correction is not None and loss.get("shard_classes"):
        raise InputError("loss.shard_classes: `correct` needs the logits of all classes in one process: leave one out")
    aum = options.get("aum")
    if aum is not None:
        check_keys("method supervised: aum", aum, ["share", "percentile"])
        if gate is not None:
            raise InputError("method supervised: aum judges labels that are trained on: leave out `gate`")
    centres = options.get("centres")
    if centres is not None and not isinstance(centres, str):
        raise InputError(f"method supervised: centres is a file of embeddings, not {centres!r}")
    speeds = _speeds(options.get("speeds", ()))
    return Supervised(encoder, loss, source, speeds, balanced, gate, correction, aum, centres)


def _speeds(values: Any) -> tuple[float, ...]:
    from speakerssl.augment.speed_copies import check_speeds

    return check_speeds(values)
