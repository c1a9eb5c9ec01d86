"""Exact resume: killed with SIGKILL at any step and started again, a run ends with bit-identical weights."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speakerssl.config import load_config
from speakerssl.data.kaldi import DataDir
from speakerssl.data.shard_writer import write_shards
from speakerssl.data.shards import ShardSet
from speakerssl.errors import InputError
from speakerssl.training.build import train
from speakerssl.training.checkpoint import list_checkpoints


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("augmented", [False, True])
def test_stopped_between_checkpoints_and_resumed_is_bit_identical(write_config, tmp_path: Path, augmented) -> None:
    augment = {"noise": {"prob": 0.7}, "equalizer": {"prob": 0.7}} if augmented else {}
    feature_noise = {"noise_prob": 0.5} if augmented else {}
    path = write_config(augment=augment, views={"crop_seconds": 0.6, "feature_noise": feature_noise})
    config = load_config(path)
    train(config, tmp_path / "whole", "cpu")

    import speakerssl.training.trainer as trainer

    class StopError(Exception):
        pass

    original = trainer.Trainer._step
    calls = 0

    def stopping(self, *args):
        nonlocal calls
        calls += 1
        if calls == 7:  # past the checkpoint after step 4, before that after step 8
            raise StopError
        return original(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "_step", stopping)
        with pytest.raises(StopError):
            train(config, tmp_path / "resumed", "cpu")
    assert not (tmp_path / "resumed" / "model.safetensors").exists()
    train(config, tmp_path / "resumed", "cpu")
    assert weights(tmp_path / "resumed") == weights(tmp_path / "whole")
    lines = (tmp_path / "resumed" / "train.jsonl").read_text().splitlines()
    assert len(lines) == config.training.steps


@pytest.mark.slow
def test_sigkill_at_any_moment(write_config, tmp_path: Path) -> None:
    path = write_config(training={"batch_size": 16, "steps": 40, "checkpoint_every": 3, "log_every": 1})
    command = [sys.executable, "-m", "speakerssl.cli.main", "train", "--config", str(path), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, "--output", str(tmp_path / "whole")], check=True, env=environment, capture_output=True)
    killed = tmp_path / "killed"
    for wanted in (5, 17):  # lines logged before the kill
        process = subprocess.Popen(
            [*command, "--output", str(killed)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        log = killed / "train.jsonl"
        while process.poll() is None and (not log.exists() or log.read_text().count("\n") < wanted):
            time.sleep(0.005)
        assert process.poll() is None, "the run was over before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert list_checkpoints(killed / "checkpoints"), "no checkpoint had been written"
    subprocess.run([*command, "--output", str(killed)], check=True, env=environment, capture_output=True)
    assert weights(killed) == weights(tmp_path / "whole")


def test_another_configuration_is_refused_and_nothing_is_lost(write_config, tmp_path: Path) -> None:
    train(load_config(write_config()), tmp_path / "exp", "cpu")
    before = weights(tmp_path / "exp")
    with pytest.raises(InputError, match=r"step-00000012.pt: belongs to another configuration"):
        train(load_config(write_config(loss={"temperature": 0.2})), tmp_path / "exp", "cpu")
    assert weights(tmp_path / "exp") == before


def test_a_damaged_checkpoint_is_named(write_config, tmp_path: Path) -> None:
    config = load_config(write_config())
    train(config, tmp_path / "exp", "cpu")
    last = list_checkpoints(tmp_path / "exp" / "checkpoints")[-1]
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"step-00000012.pt: cannot be loaded"):
        train(config, tmp_path / "exp", "cpu")


def test_finished_training_started_again_changes_nothing(write_config, tmp_path: Path) -> None:
    config = load_config(write_config())
    train(config, tmp_path / "exp", "cpu")
    before = weights(tmp_path / "exp")
    train(config, tmp_path / "exp", "cpu")
    assert weights(tmp_path / "exp") == before


@pytest.mark.parametrize("workers", [0, 1])
def test_training_from_shards_goes_on_in_the_middle_of_an_epoch(write_config, tmp_path: Path, workers: int) -> None:
    plain = load_config(write_config())
    write_shards(DataDir.read(plain.data.train[0]).utterances, tmp_path / "shards", 500_000, jobs=1)
    data = {"train": [], "shards": [str(tmp_path / "shards")], "shuffle_buffer": 20, "num_workers": workers}
    augment = {"noise": {"prob": 0.7}, "babble": {"prob": 0.5}}
    config = load_config(write_config(data=data, augment=augment, training={"checkpoint_every": 3}))
    assert len(ShardSet(tmp_path / "shards").names) > 4
    train(config, tmp_path / "whole", "cpu")

    import speakerssl.training.trainer as trainer
    from speakerssl.training.checkpoint import save_checkpoint as original

    def stopping(folder, step, *args):
        path = original(folder, step, *args)
        if step == 6:  # four batches make an epoch
            raise KeyboardInterrupt
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "save_checkpoint", stopping)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "resumed", "cpu")
    train(config, tmp_path / "resumed", "cpu")
    assert weights(tmp_path / "resumed") == weights(tmp_path / "whole")
