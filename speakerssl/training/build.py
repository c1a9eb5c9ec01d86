"""From a configuration to a finished model directory: everything that `speakerssl train` does."""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speakerssl.augment.chain import Augmenter, build_augmenter
from speakerssl.augment.feature_domain import build_feature_noise
from speakerssl.augment.pool import AudioPool
from speakerssl.augment.specaugment import build_spec_augment
from speakerssl.config import Config, to_mapping
from speakerssl.constants import LAUNCHER, SAMPLE_RATE
from speakerssl.data.group_batches import read_groups
from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.data.shards import ShardRecording, ShardSet
from speakerssl.data.store import FeatureStore
from speakerssl.data.views import AudioViews, StoreViews, ViewDataset
from speakerssl.embeddings.card import write_card
from speakerssl.embeddings.model_dir import save_model
from speakerssl.encoders import Encoder, build_encoder
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods import Method, build_method
from speakerssl.options import in_file
from speakerssl.resume import output_lock
from speakerssl.training.checkpoint import average_checkpoints, list_checkpoints
from speakerssl.training.distributed import World, make_deterministic, open_world
from speakerssl.training.frontend import TrainingFrontend
from speakerssl.training.frozen import attach_reference
from speakerssl.training.held_out import check_held_out, read_excluded
from speakerssl.training.initial import load_initial
from speakerssl.training.labels import apply_labels
from speakerssl.training.memory import keep_freed_memory
from speakerssl.training.recordings import compare_recordings
from speakerssl.training.reference import build_reference
from speakerssl.training.stopping import StopRequest, end_with
from speakerssl.training.suspect_labels import write_suspect_labels
from speakerssl.training.trainer import Trainer
from speakerssl.training.validation import Validator

# What may change between two starts of one run without changing a single weight.
_HARMLESS = (("data", "num_workers"), ("training", "checkpoint_every"), ("training", "log_every"), ("published", None))
# Keys that came after runs had been begun: at their default they stay out of a run's identity, which then goes on.
_LATER = (
    ("optimizer", "fused"),
    ("training", "gradient_checkpointing"),
    ("training", "compile"),
    ("training", "fsdp"),
    ("data", "shards"),
    ("data", "groups"),
    ("data", "by_length"),
)


def train(config: Config, output: str | Path, device: str = "auto") -> Path:
    """Trains to the end, resuming where an earlier start was stopped; returns the model directory.

    Writes `output/{config.yaml, model.safetensors, train.jsonl, checkpoints/, tensorboard/}`, `identity.json` where it
    reads recordings, and `suspect_labels` where the method records AUM.

    Raises:
        InputError: configuration, data or checkpoint at fault, by name.
        JobError: the loss is no longer finite, a signal asked for an end (a checkpoint is written), or another process
            of the run is gone.
    """
    output = Path(output)
    if LAUNCHER in os.environ or "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun too leaves orphans where it is killed
        end_with(int(os.environ.get(LAUNCHER, os.getppid())))
    # One process holds the folder for all of a run.
    with output_lock(output) if os.environ.get("RANK", "0") == "0" else nullcontext():
        return _train(config, output, device)


def _train(config: Config, output: Path, device: str) -> Path:
    torch.set_num_threads(config.training.threads)
    keep_freed_memory()
    make_deterministic(config.training.deterministic)
    with open_world(device) as world:
        with in_file(config.origin):
            features, method, frontend = build_modules(config)
            recorded = build_dataset(config, features.sample_rate, output)
            dataset = apply_labels(method, config, recorded)
            check_held_out(config, dataset.ids)
        if world.is_main:
            compare_recordings(output, recorded)
        if config.training.init_from is not None:
            load_initial(method, config.training.init_from)
        describe_recordings(method, config, dataset.ids)
        with StopRequest().listening() as stop:
            trainer = Trainer(
                config,
                method,
                frontend,
                dataset,
                output,
                world,
                validate=_validator(config, features, world),
                embed=build_reference(dataset, features, method, config.data.num_workers),
                run=run_identity(config, dataset.ids, method.labels, world.size),
                stop=stop,
            )
            trainer.fit()
            if world.is_main:
                write_suspect_labels(trainer.method, dataset.ids, output)
                _finish(config, trainer, output)
            world.barrier()
    return output


def initialize(config: Config, output: str | Path) -> Path:
    """Writes the model that `train` would start from: the untrained baseline of the same seed."""
    _, encoder = _build_model(config)
    save_model(Path(output), to_mapping(config), encoder)
    return Path(output)


def build_modules(config: Config) -> tuple[FeatureFrontend, Method, TrainingFrontend]:
    """Features, the method with its encoder, and what turns views into the encoder's input."""
    features, encoder = _build_model(config)
    loss = dict(config.loss)
    frozen = loss.pop("reference", None)
    method = build_method(encoder, config.method, loss)
    if frozen is not None:
        attach_reference(method, config, str(frozen))
    noise, masks = build_feature_noise(config.views.feature_noise), build_spec_augment(config.views.spec_augment)
    return features, method, TrainingFrontend(features, noise, masks)


def _build_model(config: Config) -> tuple[FeatureFrontend, Encoder]:
    torch.manual_seed(config.training.seed)
    features = FeatureFrontend(config.features)
    return features, build_encoder(**{"feat_dim": features.feature_dim, **config.encoder})


def build_dataset(config: Config, sample_rate: int, output: Path) -> ViewDataset:
    """Views from stores when there are any, else from the recordings themselves."""
    data, views, seed = config.data, config.views, config.training.seed
    excluded = read_excluded(config)
    if data.store:
        stores = [FeatureStore(path) for path in data.store]
        for store in stores:
            store.check_features(config.features)
        return StoreViews(stores, views, seed, excluded)
    if not (data.train or data.shards):
        raise InputError("data: name data directories under 'train', shards under 'shards' or stores under 'store'")
    utterances: list[Utterance | ShardRecording] = []
    lengths: list[int] = []
    for shards in map(ShardSet, data.shards):
        places = [place for place in shards.places if place.id not in excluded]
        utterances += [ShardRecording(shards, place) for place in places]
        lengths += [place.samples * sample_rate // SAMPLE_RATE for place in places]
    if data.shards:
        return AudioViews(utterances, lengths, views, _augmenter(config, utterances, output), seed, sample_rate)
    for path in data.train:
        directory = DataDir.read(path, labels=False)
        durations = directory.durations()
        kept = [key for key in directory.recordings if key not in excluded]
        utterances += [directory.recordings[key] for key in kept]
        lengths += [int(durations[key] * sample_rate) for key in kept]
    return AudioViews(utterances, lengths, views, _augmenter(config, utterances, output), seed, sample_rate)


def _augmenter(config: Config, utterances: Sequence[Utterance | ShardRecording], output: Path) -> Augmenter | None:
    if not config.augment:
        return None
    whole = [one if isinstance(one, ShardRecording) else one.source for one in utterances]
    voices = AudioPool(whole, name="babble")
    return build_augmenter(config.augment, voices, cache_dir=output / "cache", seed=config.training.seed)


def describe_recordings(method: Method, config: Config, ids: Sequence[str]) -> None:
    """Tells `method` the sessions that `data.train` knows, for sampled positives.

    With `training.report_labels` also its speakers, for the logged rate of false negatives and nothing else.
    """
    sessions: dict[str, str] = {}
    speakers: dict[str, str] = {}
    for path in config.data.train:
        if Path(path).is_dir():  # beside a store it need not be there
            directory = DataDir.read(path, labels=config.training.report_labels)
            sessions.update(directory.utt2session or {})
            if config.training.report_labels:
                speakers.update(directory.utt2spk or {})
    if sessions:
        method.sessions = [sessions.get(key) for key in ids]
    if speakers:
        numbers = {name: i for i, name in enumerate(dict.fromkeys(speakers.values()))}
        method.speakers = np.array([numbers[speakers[key]] if key in speakers else -1 for key in ids])


def run_identity(config: Config, ids: Sequence[str], labels: np.ndarray | None = None, processes: int = 1) -> str:
    """A hash of all that decides the weights: configuration, recordings, their classes, the number of processes."""
    tree: dict[str, Any] = to_mapping(config)
    for section, key in _HARMLESS:
        if key == "checkpoint_every" and config.training.average_last > 1:
            continue  # it says which weights are averaged
        if key is None:
            del tree[section]
        else:
            tree[section].pop(key)
    if not config.data.shards:
        del tree["data"]["shuffle_buffer"]
    if config.data.groups is not None:  # what the file says, wherever it lies
        tree["data"]["groups"] = read_groups(config.data.groups, ids).tolist()
    for section, key in _LATER:
        if not tree[section][key]:
            del tree[section][key]
    text = json.dumps([tree, list(ids), processes, *([] if labels is None else [labels.tolist()])], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _validator(config: Config, features: FeatureFrontend, world: World) -> Validator | None:
    section = config.validation
    if section.data is None or section.trials is None or not world.is_main:
        return None
    return Validator(section.data, section.trials, features)


def _finish(config: Config, trainer: Trainer, output: Path) -> None:
    """The best checkpoint, or the mean of the last ones, becomes the model."""
    if trainer.best is not None:
        trainer.best.load_into(trainer.whole_method)
    else:
        last = list_checkpoints(trainer.checkpoints)[-config.training.average_last :]
        trainer.whole_method.load_state_dict(average_checkpoints(last))
    encoder = trainer.whole_method.final_encoder()
    save_model(output, to_mapping(config), encoder)
    write_card(output, {"parameters": sum(value.numel() for value in encoder.parameters())})
