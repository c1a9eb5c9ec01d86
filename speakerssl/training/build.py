"""From a configuration to a finished model directory: everything that `speakerssl train` does."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speakerssl.augment.chain import build_augmenter
from speakerssl.augment.feature_domain import build_feature_noise
from speakerssl.augment.pool import AudioPool
from speakerssl.augment.specaugment import build_spec_augment
from speakerssl.config import Config, to_mapping
from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.data.store import FeatureStore
from speakerssl.data.views import AudioViews, StoreViews, ViewDataset
from speakerssl.embeddings.model import save_model
from speakerssl.encoders import Encoder, build_encoder
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods import Method, build_method
from speakerssl.training.checkpoint import average_checkpoints, list_checkpoints
from speakerssl.training.distributed import World, open_world
from speakerssl.training.frontend import TrainingFrontend
from speakerssl.training.initial import load_initial
from speakerssl.training.labels import apply_labels
from speakerssl.training.memory import keep_freed_memory
from speakerssl.training.reference import build_reference
from speakerssl.training.trainer import Trainer
from speakerssl.training.validation import Validator

# What may change between two starts of one run without changing a single weight.
_HARMLESS = (("data", "num_workers"), ("training", "checkpoint_every"), ("training", "log_every"))


def train(config: Config, output: str | Path, device: str = "auto") -> Path:
    """Trains to the end, resuming where an earlier start was stopped; returns the model directory.

    Writes `output/{config.yaml, model.safetensors, train.jsonl, checkpoints/, tensorboard/}`.

    Raises:
        InputError: configuration, data or checkpoint at fault, by name.
        JobError: the loss is no longer finite.
    """
    output = Path(output)
    torch.set_num_threads(config.training.threads)
    keep_freed_memory()
    features, encoder = _build_model(config)
    method = build_method(encoder, config.method, config.loss)
    dataset = build_dataset(config, features.sample_rate, output)
    dataset = apply_labels(method, config, dataset)
    if config.training.init_from is not None:
        load_initial(method, config.training.init_from)
    describe_recordings(method, config, dataset.ids)
    frontend = TrainingFrontend(
        features,
        build_feature_noise(config.views.feature_noise),
        build_spec_augment(config.views.spec_augment),
    )
    with open_world(device) as world:
        trainer = Trainer(
            config,
            method,
            frontend,
            dataset,
            output,
            world,
            validate=_validator(config, features, world),
            embed=build_reference(dataset, features, method),
            run=run_identity(config, dataset.ids, method.labels),
        )
        trainer.fit()
        if world.is_main:
            _finish(config, trainer, output)
        world.barrier()
    return output


def initialize(config: Config, output: str | Path) -> Path:
    """Writes the model that `train` would start from: the untrained baseline of the same seed."""
    _, encoder = _build_model(config)
    save_model(Path(output), to_mapping(config), encoder)
    return Path(output)


def _build_model(config: Config) -> tuple[FeatureFrontend, Encoder]:
    torch.manual_seed(config.training.seed)
    features = FeatureFrontend(config.features)
    return features, build_encoder(**{"feat_dim": features.feature_dim, **config.encoder})


def build_dataset(config: Config, sample_rate: int, output: Path) -> ViewDataset:
    """Views from stores when there are any, else from the recordings themselves."""
    data, views, seed = config.data, config.views, config.training.seed
    excluded = set(Path(data.exclude).read_text(encoding="utf-8").split()) if data.exclude else set()
    if data.store:
        stores = [FeatureStore(path) for path in data.store]
        for store in stores:
            store.check_features(config.features)
        return StoreViews(stores, views, seed, excluded)
    if not data.train:
        raise InputError("data: name data directories under 'train' or feature stores under 'store'")
    utterances: list[Utterance] = []
    lengths: list[int] = []
    for path in data.train:
        directory = DataDir.read(path)
        durations = directory.durations()
        kept = [key for key in directory.recordings if key not in excluded]
        utterances += [directory.recordings[key] for key in kept]
        lengths += [int(durations[key] * sample_rate) for key in kept]
    augment = None
    if config.augment:
        voices = AudioPool([utterance.source for utterance in utterances], name="babble")
        augment = build_augmenter(config.augment, voices, cache_dir=output / "cache", seed=seed)
    return AudioViews(utterances, lengths, views, augment, seed, sample_rate)


def describe_recordings(method: Method, config: Config, ids: Sequence[str]) -> None:
    """Tells `method` the sessions (for sampled positives) and speakers (for logs alone) that `data.train` knows."""
    sessions: dict[str, str] = {}
    speakers: dict[str, str] = {}
    for path in config.data.train:
        if Path(path).is_dir():  # beside a store it need not be there
            directory = DataDir.read(path)
            sessions.update(directory.utt2session or {})
            speakers.update(directory.utt2spk or {})
    if sessions:
        method.sessions = [sessions.get(key) for key in ids]
    if speakers:
        numbers = {name: i for i, name in enumerate(dict.fromkeys(speakers.values()))}
        method.speakers = np.array([numbers[speakers[key]] if key in speakers else -1 for key in ids])


def run_identity(config: Config, ids: Sequence[str], labels: np.ndarray | None = None) -> str:
    """A hash of all that decides the weights: the configuration, the recordings and the classes they are given."""
    tree: dict[str, Any] = to_mapping(config)
    for section, key in _HARMLESS:
        tree[section].pop(key)
    text = json.dumps([tree, list(ids), *([] if labels is None else [labels.tolist()])], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _validator(config: Config, features: FeatureFrontend, world: World) -> Validator | None:
    section = config.validation
    if (section.data is None) != (section.trials is None):
        raise InputError("validation: give both 'data' and 'trials', or neither")
    if section.data is None or section.trials is None or not world.is_main:
        return None
    return Validator(section.data, section.trials, features)


def _finish(config: Config, trainer: Trainer, output: Path) -> None:
    """The mean of the last checkpoints becomes the model."""
    last = list_checkpoints(trainer.checkpoints)[-config.training.average_last :]
    trainer.method.load_state_dict(average_checkpoints(last))
    save_model(output, to_mapping(config), trainer.method.final_encoder())
