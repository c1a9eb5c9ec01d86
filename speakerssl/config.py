"""Training configurations: frozen dataclasses, where a typo is an error and not a default.

Sections whose keys belong to a registry (features, encoder, loss, method, augment) stay mappings here; the
builder of each checks its own keys by the same options.py. `recipes/*/conf/*.yaml` are examples, config_file.py says
how files build on each other.
"""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from speakerssl.config_file import read_tree
from speakerssl.errors import InputError
from speakerssl.options import read_options


@dataclass(frozen=True)
class DataConfig:
    """Where recordings come from. `store` (made by `speakerssl features`) wins over `train` when both are given."""

    train: tuple[str, ...] = ()  # Kaldi data directories, read and augmented on the fly
    store: tuple[str, ...] = ()  # feature stores with augmented copies
    shards: tuple[str, ...] = ()  # folders or URLs of shards (made by `speakerssl shard`), in place of `train`
    shuffle_buffer: int = 10000  # recordings of shards in a row that are shuffled among each other
    exclude: str | None = None  # a file of recording ids (one a line) that training must not see
    groups: str | None = None  # a file of `recording group` lines, as of corpora: most batches are of one group
    by_length: bool = False  # recordings come in proportion to their length; else each comes once an epoch
    num_workers: int = 0  # loader processes; 0 loads in the training process


@dataclass(frozen=True)
class ViewsConfig:
    """How one recording becomes views.

    `disjoint: true` keeps the first two global crops apart; with `false` every crop lies anywhere. Apart, they are
    placed uniformly among all pairs of places, or (`gap_first`) the gap between them is drawn first, uniformly.
    """

    num_global: int = 2
    crop_seconds: float = 2.0
    disjoint: bool = True
    placement: Literal["uniform", "gap_first"] = "uniform"
    num_local: int = 0
    local_seconds: float = 2.0
    augment_global: bool = True  # false: only local crops are augmented (SDPN)
    clean_prob: float = 0.0  # chance that one of the first two views is left as recorded, as enrolments mostly are
    feature_noise: Mapping[str, Any] = field(default_factory=dict)  # mel-domain augmentation, see augment/
    spec_augment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerConfig:
    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9  # SGD only
    fused: bool = False  # one kernel updates all weights: the same update, rounded otherwise in the last bits


@dataclass(frozen=True)
class ScheduleConfig:
    """Learning rate by step. `step`: lr x gamma every `every_epochs`; `cosine` falls to lr x final_ratio.

    Before it the rate rises linearly over `warmup_steps`, or over `warmup_epochs`, to lr; `warmup_from_zero` begins
    at 0. The cosine takes the rest of the run, or as long as all of it (`cosine_over`): it then ends above its end.
    """

    name: Literal["constant", "cosine", "step"] = "step"
    gamma: float = 0.95
    every_epochs: float = 10.0
    final_ratio: float = 0.01
    warmup_steps: int = 0
    warmup_epochs: float = 0.0
    warmup_from_zero: bool = False
    cosine_over: Literal["rest", "all"] = "rest"


@dataclass(frozen=True)
class ScalingConfig:
    """The EMA scaling rule: a batch kappa times the reference scales lr and EMA momentum with it."""

    reference_batch: int | None = None


@dataclass(frozen=True)
class TrainingConfig:
    seed: int = 0
    init_from: str | None = None  # a model directory to begin from: its encoder, and its head for classes that it knows
    batch_size: int = 256  # recordings a step, over all processes
    epochs: float | None = None
    steps: int | None = None  # exactly one of epochs and steps is given
    accumulate: int = 1  # micro-batches a step, each with its own negatives
    # {chunk: 64}: so many recordings are encoded with a graph at a time, with the gradients of the whole batch
    grad_cache: Mapping[str, Any] = field(default_factory=dict)
    gradient_checkpointing: bool = False  # compute the encoder's blocks twice and keep less in memory
    compile: bool = False  # torch.compile of the encoder: minutes at the start, then faster steps, mostly on a GPU
    fsdp: bool = False  # several processes share out the weights, where the encoder and its optimizer do not fit one
    sync_batch_norm: bool = False  # batch normalization over the batch of all processes
    amp: Literal["none", "bf16", "auto"] = "none"  # auto: bf16 where processor or GPU computes in it, else none
    clip_grad: float | None = None  # bound of the gradient's norm
    clip_grad_each: bool = False  # the norm of each parameter on its own (DINO), rather than of all together
    deterministic: bool = False  # CUDA kernels that give the same bits again, at a price in time
    select: Literal["last", "best"] = "last"  # the checkpoint that becomes the model; best: by validation trials
    checkpoint_every: int = 200  # steps
    log_every: int = 10  # steps
    average_last: int = 1  # checkpoints whose weights are averaged into the final model
    threads: int = 1  # torch threads a process; 1 is the fastest on a few busy cores
    tensorboard: bool = True
    report_labels: bool = False  # read speakers, for the logged rate of false negatives alone


@dataclass(frozen=True)
class ValidationConfig:
    """Held-out trials made from training recordings; never a test list."""

    data: str | None = None
    trials: str | None = None
    every: int = 200  # steps


@dataclass(frozen=True)
class Config:
    """A whole training run."""

    features: Mapping[str, Any]
    encoder: Mapping[str, Any]
    loss: Mapping[str, Any]
    method: Mapping[str, Any] = field(default_factory=lambda: {"name": "simclr"})
    data: DataConfig = field(default_factory=DataConfig)
    views: ViewsConfig = field(default_factory=ViewsConfig)
    augment: Mapping[str, Any] = field(default_factory=dict)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    scaling: ScalingConfig = field(default_factory=ScalingConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    evaluation: Mapping[str, Any] = field(default_factory=dict)  # read by extraction: num_crops, crop_seconds
    published: Mapping[str, Any] = field(default_factory=dict)  # what was reported of this set-up; changes nothing
    origin: str = field(default="", compare=False, metadata={"internal": True})  # the file, for messages


COUNTS = {  # section: what is divided by, or of which there is at least one
    "training": ("batch_size", "steps", "accumulate", "checkpoint_every", "log_every", "average_last", "threads"),
    "validation": ("every",),
}


def load_config(path: str | Path, overrides: typing.Sequence[str] = (), row: str | None = None) -> Config:
    """Reads a YAML file with all that it builds on (see config_file.py).

    Args:
        overrides: `section.key=value` strings whose values are YAML too; they win over the file.
        row: the name of one of the file's `rows`.

    Raises:
        InputError: naming the file, the key and the keys that exist.
    """
    tree = read_tree(path, overrides, row)
    config: Config = dataclasses.replace(read_options(Config, tree, f"{path}:"), origin=str(path))
    if (config.training.epochs is None) == (config.training.steps is None):
        raise InputError(f"{path}: training: give exactly one of 'epochs' and 'steps'")
    for section, names in COUNTS.items():
        for name in names:
            if (value := getattr(getattr(config, section), name)) is not None and value < 1:
                raise InputError(f"{path}: {section}.{name} is {value}; it counts from 1")
    return config


def to_mapping(config: Config) -> dict[str, Any]:
    """The plain mapping that `load_config` reads back: what a model directory stores."""
    tree = _plain(dataclasses.asdict(config))
    del tree["origin"]
    return tree


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
