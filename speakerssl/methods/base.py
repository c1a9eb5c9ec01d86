"""The interface of a self-supervised method: views in, loss out. The trainer knows nothing more."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError, unknown_name
from speakerssl.losses import LossOutput, MomentumQueue
from speakerssl.losses.buffers import fit_buffers
from speakerssl.losses.gather import world
from speakerssl.losses.identity import Identity, identify
from speakerssl.losses.queue import read_old_queue
from speakerssl.methods.batch import Batch
from speakerssl.methods.diagnostics import CollapseMonitor, build_collapse_monitor, embedding_numbers
from speakerssl.methods.positive_memory import PositiveMemory
from speakerssl.methods.ssps import PositiveSampler, References, build_sampler
from speakerssl.options import check_keys

# Gives what positives are sampled in; with several processes all call it together. None in all but the first one.
Embed = Callable[[], References | np.ndarray | None]
COMMON = ("ssps", "collapse")  # options that every method has
RENAMED = {"suspects": "pseudo_labels", "watch.": "collapse_monitor."}  # in checkpoints of release 0.x


@dataclass(frozen=True)
class Plan:
    """What a method may know of the run that it is in; 0 where it is not known."""

    steps_per_epoch: int = 0
    total_steps: int = 0
    kappa: float = 1.0  # batch over reference batch, of the EMA scaling rule
    log_every: int = 10  # steps
    recordings: int = 0  # in the training data


class Method(nn.Module):
    """An encoder with what training needs around it. Subclasses override `forward` and, where needed, the hooks.

    `encoder` is what remains after training: the projector, queues and teachers are left behind.

    Attributes that a trainer may set:
        plan: length of the run, for schedules.
        sessions: [num_recordings] session of each recording or None; sampled positives prefer another one.
        speakers: [num_recordings] integers, -1 unknown: only for the logged rate of false negatives.
        labels: [num_recordings] integers, -1 unknown: the classes of a method that trains on them, which it finds in
            `Batch.labels`. None (no self-supervised method has any): nothing is read.
        balanced: whether each class of `labels` comes equally often, rather than each recording.
    """

    encoder: Encoder
    needs_reference: bool = False  # whether `start_epoch` needs `embed` though nothing samples positives
    plan: Plan = Plan()
    sessions: list[str | None] | None = None
    speakers: np.ndarray | None = None
    labels: np.ndarray | None = None
    balanced: bool = False
    sampler: PositiveSampler | None = None
    positive_memory: PositiveMemory | None
    collapse_monitor: CollapseMonitor | None
    pseudo_labels: Tensor  # [num_recordings, S] clusters of this epoch, or [0, 1]; part of a checkpoint

    def __init__(self) -> None:
        super().__init__()
        self.collapse_monitor = None
        self.positive_memory = None
        self.sampling_numbers: dict[str, float] = {}
        self._reference_encoder: tuple[Encoder, ...] = ()
        self.register_buffer("pseudo_labels", torch.zeros(0, 1, dtype=torch.int64))

    def forward(self, batch: Batch, step: int) -> LossOutput:
        """The loss of a batch at a step (counted from 0)."""
        raise NotImplementedError

    def start_epoch(self, epoch: int, embed: Embed | None) -> np.ndarray | None:
        """Called before each epoch; may return, for each recording, the one that its second view is cut from
        ([num_recordings], sampled positives)."""
        if self.sampler is None or epoch < self.sampler.start_epoch:
            return None
        device = next(self.parameters()).device
        memory = self.positive_memory
        references = memory.gathered_references() if memory is not None else embed() if embed is not None else None
        found = None
        if world()[0] == 0 and references is not None:
            found = self.sampler.draw(epoch, references, self.sessions)
        if world()[1] > 1:
            message = [found]
            dist.broadcast_object_list(message, src=0, device=device)
            found = message[0]
        if found is None:
            return None
        self.sampling_numbers = found.numbers
        if self.sampler.mask:
            self.pseudo_labels = torch.from_numpy(found.pseudo_labels).to(device)
            for module in self.modules():
                if isinstance(module, MomentumQueue):
                    module.relabel(self.pseudo_labels)
        if memory is None:
            return found.recordings
        memory.sampled = torch.from_numpy(found.recordings).to(device)
        return None

    @property
    def by_class(self) -> dict[str, tuple[nn.Parameter, list[int]]]:
        """The parameters that are shared out over processes, and the bounds [P + 1] of the processes' rows."""
        return {}

    @property
    def reads_references(self) -> bool:
        """Whether batches are to bring `references` (`ssps: {reference: last_epoch}`)."""
        return self.sampler is not None and self.sampler.reference == "last_epoch"

    def use_reference_encoder(self, encoder: Encoder) -> None:
        """Gives losses that ask for a frozen model's embeddings (`dclr`) those of `encoder`, which is kept as it is."""
        self._reference_encoder = (encoder.eval().requires_grad_(False),)  # a tuple: no part of a checkpoint

    @torch.no_grad()
    def reference_embeddings(self, batch: Batch) -> Tensor | None:
        """[B, R] of the first views by the reference encoder; None where there is none."""
        if not self._reference_encoder:
            return None
        return self._reference_encoder[0].to(batch.views[0].device)(batch.views[0]).float()

    def sample_from_memory(self, positives: list[Tensor], batch: Batch, step: int) -> tuple[list[Tensor], Batch]:
        """`positives` [B, D] of a training batch, or stored ones of sampled recordings, and the batch that says whose.

        To be called once a step by methods that take `ssps: {positives: queue}`, with what is compared with anchors.
        """
        memory, sampler = self.positive_memory, self.sampler
        if memory is None or sampler is None or not self.training or self.epoch_at(step) < sampler.start_epoch - 1:
            return positives, batch
        if batch.references is not None:
            self._store_references(memory, batch)
        swapped, exchanged = memory.exchange(positives, batch)
        memory.store_positives(positives, batch.recordings, self.plan.recordings)
        return swapped, exchanged

    @torch.no_grad()
    def _store_references(self, memory: PositiveMemory, batch: Batch) -> None:
        """Embeds the references of the batch, and the halves of the first of them, with fixed batch statistics."""
        assert batch.references is not None
        some, half = batch.references[:8], batch.references.shape[1] // 2
        was_training = self.encoder.training
        self.encoder.eval()
        whole = self.encoder(batch.references)
        halves = torch.stack([self.encoder(some[:, :half]), self.encoder(some[:, half:])])
        self.encoder.train(was_training)
        memory.store_references(batch.recordings, whole, halves, self.plan.recordings)

    def identities(self, batch: Batch) -> list[Identity]:
        """Who the items of each view are, for the loss: recording, partner, and pseudo-labels where there are any."""
        partners = batch.sources(1)
        own = identify(batch.recordings, partners, self._pseudo_labels_of(batch.recordings))
        other = identify(partners, batch.recordings, self._pseudo_labels_of(partners))
        return [other if view == 1 else own for view in range(len(batch.views))]

    def _pseudo_labels_of(self, recordings: Tensor) -> Tensor | None:
        return self.pseudo_labels[recordings] if len(self.pseudo_labels) else None

    def after_step(self, step: int, total_steps: int) -> None:
        """Called after each optimizer step (momentum encoders, queues)."""

    def final_encoder(self) -> Encoder:
        """The encoder to save (a teacher where that is the better one)."""
        return self.encoder

    def epoch_at(self, step: int) -> float:
        """Epochs done before `step`; infinite where the length of an epoch is not known."""
        return step / self.plan.steps_per_epoch if self.plan.steps_per_epoch else float("inf")

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """The clusters of a checkpoint are as many as its recordings. Names of earlier releases are read too."""
        for old, new in RENAMED.items():
            for key in [key for key in state_dict if key.startswith(prefix + old)]:
                state_dict[prefix + new + key[len(prefix + old) :]] = state_dict.pop(key)
        labels = state_dict.setdefault(prefix + "pseudo_labels", self.pseudo_labels)
        if labels.dim() == 1:  # the first release had one cluster a recording, and queues that kept it alone
            state_dict[prefix + "pseudo_labels"] = labels[:, None]
            for key in [key for key in state_dict if key.endswith(".keys")]:
                read_old_queue(state_dict, key.removesuffix("keys"), clusters=bool(len(labels)))
        fit_buffers(self, ("pseudo_labels",), state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def with_diagnostics(
        self, output: LossOutput, first: Tensor, second: Tensor, batch: Batch, step: int
    ) -> LossOutput:
        """`output` with the numbers of diagnostics.py in its logs, on the steps that are logged.

        `first` and `second` are embeddings [B, D]. Raises JobError when they have collapsed.
        """
        due = (step + 1) % self.plan.log_every == 0 or step + 1 == self.plan.total_steps
        if not (self.training and due):
            return output
        speakers = None
        if self.speakers is not None:
            speakers = torch.from_numpy(self.speakers[batch.recordings.cpu().numpy()])
        numbers = embedding_numbers(first, second, speakers)
        if self.collapse_monitor is not None:
            self.collapse_monitor.check(numbers, step)
        named = {f"embedding/{name}": value for name, value in numbers.items()}
        return LossOutput(output.loss, {**output.logs, **self.sampling_numbers, **named})


Builder = Callable[[Encoder, Mapping[str, Any], Mapping[str, Any]], Method]
METHODS: dict[str, Builder] = {}
QUEUEING: list[str] = []  # the methods that call `sample_from_memory`
MASKING: list[str] = []  # the methods whose negatives leave out recordings with a pseudo-label in common


def register(name: str, masks: bool = False, queues: bool = False) -> Callable[[Builder], Builder]:
    """Adds a builder `(encoder, options, loss_config) -> Method` under `name`.

    queues: whether the method's `forward` calls `sample_from_memory`.
    masks: whether it gives `identities` to a loss with negatives.
    """

    def add(builder: Builder) -> Builder:
        METHODS[name] = builder
        if masks:
            MASKING.append(name)
        if queues:
            QUEUEING.append(name)
        return builder

    return add


def build_method(encoder: Encoder, config: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Builds `config['name']` around `encoder`; raises InputError listing the names that exist.

    Every method also takes `ssps` (sampled positives, see ssps.py) and `collapse` (see diagnostics.py).
    """
    options = dict(config)
    name = options.pop("name", None)
    if name not in METHODS:
        raise unknown_name("method", str(name), METHODS)
    sampler, monitor = build_sampler(options.pop("ssps", None)), build_collapse_monitor(options.pop("collapse", None))
    method = METHODS[name](encoder, options, loss)
    method.sampler, method.collapse_monitor = sampler, monitor
    if sampler is not None and sampler.mask and name not in MASKING:
        able = ", ".join(MASKING)
        raise InputError(f"method {name}: ssps: 'mask' is for methods with negatives from the batch: {able}")
    if sampler is not None and method.needs_reference and sampler.reference != "encoder":
        raise InputError(f"method {name}: ssps: 'reference' must be 'encoder', whose embeddings it clusters too")
    if sampler is not None:
        add_memory(method, sampler, name)
    return method


def add_memory(method: Method, sampler: PositiveSampler, name: str) -> None:
    """The memory that `ssps: {positives: queue}` needs. Raises InputError for options that do not go together."""
    if (sampler.positives == "queue") != (sampler.reference == "last_epoch"):
        raise InputError("ssps: positives: queue and reference: last_epoch go together, both or neither")
    if sampler.positives != "queue":
        return
    if name not in QUEUEING:
        able = ", ".join(QUEUEING)
        raise InputError(f"method {name}: ssps: 'positives: queue' is for methods that compare with it: {able}")
    method.positive_memory = memory = PositiveMemory(sampler.queue_size)
    # They are the same everywhere: data parallelism need not send gigabytes of them around before every step.
    keep_from_data_parallelism(method, (f"positive_memory.{buffer}" for buffer, _ in memory.named_buffers()))


def keep_from_data_parallelism(method: Method, names: Iterable[str]) -> None:
    """Parameters and buffers that no process sends to others: each has its own, or all have the same anyhow."""
    before = getattr(method, "_ddp_params_and_buffers_to_ignore", [])
    method._ddp_params_and_buffers_to_ignore = [*before, *names]  # type: ignore[assignment]


def check_options(method: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raises InputError for an option that `method` does not have."""
    check_keys(f"method {method}", options, (*known, *COMMON))


def no_loss(method: str, loss: Mapping[str, Any]) -> None:
    """Raises InputError where a method with an objective of its own is given a `loss` section that it would ignore."""
    if loss:
        raise InputError(f"method {method} has its own objective: give it `loss: {{}}`, not {', '.join(loss)}")
