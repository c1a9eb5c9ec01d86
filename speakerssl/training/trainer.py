"""The training loop, to be read from top to bottom.

A step is a pure function of (weights, optimizer state, step): batches, crops, augmentation and dropout are all
drawn from (seed, step). Killed at any step and started again, a run ends with the same weights bit for bit.
"""

import time
from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from speakerssl.config import Config
from speakerssl.data.sampler import EpochBatches, Item
from speakerssl.data.views import ViewDataset, collate
from speakerssl.errors import InputError, JobError, unknown_name
from speakerssl.losses import LossOutput
from speakerssl.methods import Batch, Method, Plan
from speakerssl.methods.base import Embed
from speakerssl.methods.ssps import PositiveSampler
from speakerssl.training.batching import build_batches
from speakerssl.training.best import BestCheckpoint
from speakerssl.training.checkpoint import Stateful, keep_last, list_checkpoints, load_checkpoint, save_checkpoint
from speakerssl.training.clipping import clip_gradients
from speakerssl.training.distributed import World
from speakerssl.training.grad_cache import average_gradients, build_encoder_cache
from speakerssl.training.loading import Waiting, batches_of, make_loader
from speakerssl.training.log import TrainingLog
from speakerssl.training.memory_saving import checkpoint_blocks
from speakerssl.training.precision import computes_in_bf16
from speakerssl.training.schedule import batch_ratio, learning_rate, scaled_lr
from speakerssl.training.sharding import share_out
from speakerssl.training.stopping import StoppedError, StopRequest, leave_signals_to_the_trainer
from speakerssl.training.sync_batch_norm import synchronize_batch_norm
from speakerssl.training.validation import Validator


class Trainer:
    """Runs `method` over `dataset`.

    Args:
        frontend: views (waveforms [B, S] or stored features [B, T, F]) to normalized features [B, T, F].
        validate: called every `config.validation.every` steps with the encoder in eval mode, or None.
        embed: gives reference embeddings of `dataset` for methods that sample positives by them.
        run: identifies configuration and data; a checkpoint of another run is refused.
        stop: asked after every step; when a signal has come to any process, all write and leave.
    """

    def __init__(
        self,
        config: Config,
        method: Method,
        frontend: nn.Module,
        dataset: ViewDataset,
        output: Path,
        world: World,
        validate: Validator | None = None,
        embed: Embed | None = None,
        run: str = "",
        stop: StopRequest | None = None,
    ) -> None:
        self.config, self.output, self.world, self.run_id = config, output, world, run
        if config.training.sync_batch_norm:
            method = synchronize_batch_norm(method, world.device)
        self.method, self.frontend = method.to(world.device), frontend.to(world.device)
        self.sharding = share_out(self.method, config, world)
        if config.training.gradient_checkpointing:
            checkpoint_blocks(method.encoder)
        if config.training.compile:
            method.encoder.compile()  # in place: the names of weights stay
        self.in_bf16 = computes_in_bf16(config.training.amp, world.device, quiet=not world.is_main)
        self.cache = build_encoder_cache(method.encoder, dict(config.training.grad_cache))
        self.shared_out = [parameter for parameter, _ in method.by_class.values()]
        self.validate, self.embed, self.stop = validate, embed, stop or StopRequest()
        training = config.training
        per_step = training.batch_size
        if per_step > len(dataset):
            raise InputError(f"batch_size {per_step} is larger than the {len(dataset)} training recordings")
        if per_step % (world.size * training.accumulate):
            raise InputError(f"batch_size {per_step} does not divide by {world.size} processes x accumulate")
        self.batches = build_batches(config, dataset, method.labels if method.balanced else None, world)
        sampler = method.sampler if method.reads_references else None
        self.loader = _loader(_Identified(dataset, training.seed, sampler), self.batches, config.data.num_workers)
        self.waiting = Waiting()
        self.total_steps = training.steps or round((training.epochs or 0) * len(self.batches))
        method.plan = Plan(len(self.batches), self.total_steps, batch_ratio(config), training.log_every, len(dataset))
        self.optimizer = build_optimizer(method, config)
        self.checkpoints = output / "checkpoints"
        best = training.select == "best" and world.is_main
        self.best = BestCheckpoint(self.checkpoints, run) if best else None

    def fit(self) -> None:
        """Trains from the last checkpoint, if any, to the last step.

        Raises:
            StoppedError: a signal asked for an end; a checkpoint of the last step is written.
            JobError: the loss is not finite, or another process of the run is gone.
        """
        step = self._resume()
        # Cached gradients come in two passes, which data parallelism does not expect: they are averaged by hand.
        by_itself = self.cache is not None or (self.sharding is not None and self.sharding.averages)
        model = self.method if by_itself else self.world.wrap(self.method)
        log = self._open_log(step)
        batches = self._batches(step)
        try:
            for batch in batches:
                began = time.monotonic()
                output, lr = self._step(model, batch, step)
                step += 1
                values = {"loss": float(output.loss.detach()), "lr": lr, **output.logs}
                values["recordings_per_second"] = self.config.training.batch_size / (time.monotonic() - began)
                self._after(step, values, log)
                if (signal := self.world.largest(self.stop.received)) and step < self.total_steps:
                    self._leave(step, signal)
        except RuntimeError as error:
            raise self.world.lost_process(error, step) or error from None
        finally:
            batches.close()
            # The loader's workers end with its iterator; left to the end of the program they would be waited for.
            self.loader._iterator = None
            log.close()

    def _open_log(self, step: int) -> TrainingLog:
        if self.world.is_main:
            return TrainingLog(self.output, step, self.total_steps, self.config.training.tensorboard)
        return _Silent()  # type: ignore[return-value]

    def _leave(self, step: int, signal: int) -> None:
        self._save(step)
        raise StoppedError(f"stopped by signal {signal} after step {step}; the same command goes on from there", signal)

    def _step(self, model: nn.Module, batch: Batch, step: int) -> tuple[LossOutput, float]:
        """One optimizer step; `accumulate` micro-batches each bring their own negatives."""
        training, device = self.config.training, self.world.device
        torch.manual_seed(_mix(training.seed, step, self.world.rank))
        lr = self._learning_rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)
        self.method.train()
        self.optimizer.zero_grad(set_to_none=True)
        parts = training.accumulate
        for part in batch.chunks(parts):
            part = part.to(device)
            part = self._features(part)
            with self.cache.open() if self.cache is not None else nullcontext(), self._autocast():
                output = model(part, step)
            if not torch.isfinite(output.loss):
                raise JobError(f"the loss became {output.loss.item()} at step {step}: lower the learning rate")
            (output.loss / parts).backward()
            if self.cache is not None:
                with self._autocast():
                    self.cache.send_back()
        if self.cache is not None and self.world.size > 1:
            average_gradients(self.method, self.shared_out)
        clip_gradients(self.method.parameters(), training.clip_grad, training.clip_grad_each, self.shared_out)
        self.optimizer.step()
        self.method.after_step(step, self.total_steps)
        return output, lr

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.in_bf16)

    def _features(self, batch: Batch) -> Batch:
        """Views and references of a batch to normalized features; references are never augmented."""
        views, references = [self.frontend(view) for view in batch.views], batch.references
        if references is not None:
            references = getattr(self.frontend, "clean", self.frontend)(references)
        return replace(batch, views=views, references=references)

    def _after(self, step: int, values: dict[str, float], log: TrainingLog) -> None:
        """Validation, log line and checkpoint after `step` steps."""
        training, last = self.config.training, step == self.total_steps
        due = step % self.config.validation.every == 0 or last
        validated = self.validate is not None and due
        state = self._whole()[0] if due and (training.fsdp or training.select == "best") else self.method
        if validated and self.world.is_main and self.validate is not None:
            self.whole_method.eval()
            values.update(self.validate(self.whole_method.final_encoder()))
            if self.best is not None:
                self.best.offer(step, values["valid_eer_percent"], state)
            log.picture(step, "validation/projection", self.validate.draw)
        if step % training.log_every == 0 or validated or last:
            log.step(step, {**values, "data_wait_percent": self.waiting.percent()})
        if step % training.checkpoint_every == 0 or last:
            self._save(step)
            if self.world.is_main:
                keep_last(self.checkpoints, max(2, training.average_last), training.checkpoint_every)

    def _save(self, step: int) -> None:
        """All processes call it: what is shared out is gathered first."""
        method, optimizer = self._whole()
        if self.world.is_main:
            save_checkpoint(self.checkpoints, step, method, optimizer, self.run_id, self.batches.sampled_positives)

    def _whole(self) -> tuple[Stateful, Stateful]:
        return (self.method, self.optimizer) if self.sharding is None else self.sharding.gather(self.optimizer)

    @property
    def whole_method(self) -> Method:
        """The method as it was last gathered; it takes whole states."""
        return self.method if self.sharding is None else self.sharding.whole

    def _batches(self, step: int) -> Generator[Batch, None, None]:
        """Batches from `step` to the last step, epoch by epoch."""
        while step < self.total_steps:
            epoch, position = divmod(step, len(self.batches))
            self.batches.set_epoch(epoch, position)
            prepares = self.method.sampler is not None or self.method.needs_reference
            if prepares and position == 0:  # inside an epoch the checkpoint brought them
                self.method.eval()
                self.batches.sampled_positives = self.method.start_epoch(epoch, self.embed)
            for batch in self.waiting.over(batches_of(self.loader)):
                labels = self.method.labels
                yield batch if labels is None else replace(batch, labels=torch.from_numpy(labels)[batch.recordings])
                step += 1
                if step == self.total_steps:
                    return

    def _learning_rate(self, step: int) -> float:
        config = self.config
        lr = learning_rate(step, self.total_steps, len(self.batches), config.optimizer, config.schedule)
        return lr * scaled_lr(config.optimizer, batch_ratio(config)) / config.optimizer.lr

    def _resume(self) -> int:
        found = list_checkpoints(self.checkpoints)
        if not found:
            return 0
        method, optimizer = self.sharding.loaders(self.optimizer) if self.sharding else (self.method, self.optimizer)
        mapped = bool(self.shared_out)  # of a whole that may not fit every process takes its part
        step, self.batches.sampled_positives = load_checkpoint(found[-1], method, optimizer, self.run_id, mapped)
        return step


def build_optimizer(method: Method, config: Config) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD over the trainable parameters; biases and norms are never decayed."""
    options = config.optimizer
    trainable = [parameter for parameter in method.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if options.name == "adam":
        return torch.optim.Adam(groups, lr=options.lr, fused=options.fused)
    if options.name == "adamw":
        return torch.optim.AdamW(groups, lr=options.lr, fused=options.fused)
    if options.name == "sgd":
        return torch.optim.SGD(groups, lr=options.lr, momentum=options.momentum, fused=options.fused)
    raise unknown_name("optimizer", options.name, ("adam", "adamw", "sgd"))


class _Silent:
    """The log of processes other than the first."""

    def step(self, step: int, values: dict[str, float]) -> None: ...

    def close(self) -> None: ...


class _Identified:
    """A dataset whose items say which recordings they are of, and bring a reference crop: where a sampler looks for
    positives in the embeddings of the last epoch, from the epoch before its first on."""

    def __init__(self, dataset: ViewDataset, seed: int, sampler: PositiveSampler | None) -> None:
        self.dataset, self.seed, self.sampler = dataset, seed, sampler

    def __getitems__(self, items: list[Item]) -> list[tuple[Item, list[np.ndarray], np.ndarray | None]]:
        """What the loader's workers call, once a batch."""
        batch = getattr(self.dataset, "__getitems__", None)
        views = [self.dataset[item] for item in items] if batch is None else batch(items)
        return [(item, some, self._reference(item)) for item, some in zip(items, views)]

    def _reference(self, item: Item) -> np.ndarray | None:
        epoch, anchor, _ = item
        if self.sampler is None or epoch < self.sampler.start_epoch - 1:
            return None
        rng = np.random.default_rng((self.seed, epoch, anchor, 1))  # the views' own draws stay what they were
        return self.dataset.reference_crop(anchor, self.sampler.reference_seconds, rng)


def _collate(items: list[tuple[Item, list[np.ndarray], np.ndarray | None]]) -> Batch:
    numbers = torch.tensor([item for item, _, _ in items])
    crops = [crop for _, _, crop in items if crop is not None]
    references = torch.from_numpy(np.stack(crops)) if crops else None
    views = collate([views for _, views, _ in items])
    return Batch(views, recordings=numbers[:, 1], partners=numbers[:, 2], references=references)


def _loader(dataset: _Identified, batches: EpochBatches, workers: int) -> DataLoader[Any]:
    return make_loader(
        dataset,
        _collate,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=_start_worker if workers else None,
    )


def _start_worker(_: int) -> None:
    torch.set_num_threads(1)
    leave_signals_to_the_trainer()


def _mix(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])
