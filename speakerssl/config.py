"""Training configurations: frozen dataclasses read from YAML, where a typo is an error and not a default.

Sections whose keys belong to a registry (features, encoder, loss, method, augment) stay mappings here; the
builder of each validates its own keys with the same care. `recipes/*/conf/*.yaml` are examples.
"""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

import yaml

from speakerssl.errors import InputError

C = TypeVar("C")


@dataclass(frozen=True)
class DataConfig:
    """Where recordings come from. `store` (made by `speakerssl features`) wins over `train` when both are given."""

    train: tuple[str, ...] = ()  # Kaldi data directories, read and augmented on the fly
    store: tuple[str, ...] = ()  # feature stores with augmented copies
    exclude: str | None = None  # a file of recording ids (one a line) that training must not see
    num_workers: int = 0  # loader processes; 0 loads in the training process


@dataclass(frozen=True)
class ViewsConfig:
    """How one recording becomes views: the first two global crops never overlap."""

    num_global: int = 2
    crop_seconds: float = 2.0
    num_local: int = 0
    local_seconds: float = 2.0
    clean_prob: float = 0.0  # chance that one of the first two views is left as recorded, as enrolments mostly are
    feature_noise: Mapping[str, Any] = field(default_factory=dict)  # mel-domain augmentation, see augment/
    spec_augment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerConfig:
    name: str = "adam"  # adam, adamw or sgd
    lr: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9  # SGD only


@dataclass(frozen=True)
class ScheduleConfig:
    """Learning rate by step. `step`: lr x gamma every `every_epochs`; `cosine` falls to lr x final_ratio."""

    name: str = "step"  # step, cosine or constant
    gamma: float = 0.95
    every_epochs: float = 10.0
    final_ratio: float = 0.01
    warmup_steps: int = 0


@dataclass(frozen=True)
class ScalingConfig:
    """The EMA scaling rule: a batch kappa times the reference scales lr and EMA momentum with it."""

    reference_batch: int | None = None


@dataclass(frozen=True)
class TrainingConfig:
    seed: int = 0
    init_from: str | None = None  # a model directory to begin from: its encoder, and its head for the same classes
    batch_size: int = 256  # recordings a step, over all processes
    epochs: float | None = None
    steps: int | None = None  # exactly one of epochs and steps is given
    accumulate: int = 1  # micro-batches a step, each with its own negatives
    amp: str = "none"  # none or bf16
    clip_grad: float | None = None
    checkpoint_every: int = 200  # steps
    log_every: int = 10  # steps
    average_last: int = 1  # checkpoints whose weights are averaged into the final model
    threads: int = 1  # torch threads a process; 1 is the fastest on a few busy cores
    tensorboard: bool = True


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


def load_config(path: str | Path, overrides: typing.Sequence[str] = ()) -> Config:
    """Reads a YAML file; `overrides` are `section.key=value` strings whose values are YAML too.

    Raises:
        InputError: naming the file, the key and the keys that exist.
    """
    tree = read_yaml(path)
    for override in overrides:
        apply_override(tree, override)
    config = from_mapping(Config, tree, str(path), "")
    if (config.training.epochs is None) == (config.training.steps is None):
        raise InputError(f"{path}: training: give exactly one of 'epochs' and 'steps'")
    return config


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises InputError with the file and line of a syntax error."""
    try:
        tree = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"{where}: not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path}: expected a mapping of sections, found {type(tree).__name__}")
    return tree


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Sets one `a.b.c=value` in a nested mapping."""
    dotted, separator, text = override.partition("=")
    if not separator or not dotted:
        raise InputError(f"--set {override}: expected section.key=value")
    *parents, last = dotted.split(".")
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise InputError(f"--set {override}: '{key}' holds a value, not a section")
        tree = child
    tree[last] = yaml.safe_load(text)


def from_mapping(cls: type[C], tree: Any, path: str, section: str) -> C:
    """Builds dataclass `cls` from a mapping, checking every key and type."""
    where = f"{path}: {section}" if section else path
    if not isinstance(tree, Mapping):
        raise InputError(f"{where}: expected a mapping, found {tree!r}")
    hints = typing.get_type_hints(cls)
    unknown = [key for key in tree if key not in hints]
    if unknown:
        raise InputError(f"{where}: unknown key '{unknown[0]}'; the known ones are: {', '.join(sorted(hints))}")
    values = {key: _convert(hints[key], value, path, f"{section}.{key}".lstrip(".")) for key, value in tree.items()}
    missing = [
        f.name
        for f in dataclasses.fields(cls)  # type: ignore[arg-type]
        if f.name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InputError(f"{where}: the key '{missing[0]}' is missing")
    return cls(**values)


def to_mapping(config: Config) -> dict[str, Any]:
    """The plain mapping that `load_config` reads back: what a model directory stores."""
    return _plain(dataclasses.asdict(config))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _convert(hint: Any, value: Any, path: str, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return from_mapping(hint, value, path, key)  # type: ignore[arg-type]
    origin = typing.get_origin(hint)
    if origin in (typing.Union, UnionType):
        if value is None:
            return None
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
        return _convert(hint, value, path, key)
    if origin is tuple:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
            raise InputError(f"{path}: {key}: expected a list of names, found {value!r}")
        return tuple(items)
    if origin is not None:  # Mapping[str, Any]: its builder checks the keys
        if not isinstance(value, Mapping):
            raise InputError(f"{path}: {key}: expected a mapping, found {value!r}")
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):  # YAML 1.1 reads 1e-3 as a string
        try:
            return float(value)
        except ValueError:
            pass
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise InputError(f"{path}: {key}: expected {hint.__name__}, found {value!r}")
    return value
