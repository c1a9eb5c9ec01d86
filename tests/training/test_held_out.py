"""Recordings that training must not hear."""

from pathlib import Path

import pytest

from speakerssl.config import Config, DataConfig, TrainingConfig, ValidationConfig
from speakerssl.errors import InputError
from speakerssl.training.held_out import RECORDINGS, check_held_out, read_excluded


def config_of(exclude: Path | None = None, data: Path | None = None, trials: str | None = "t", **more: str) -> Config:
    return Config(
        features={}, encoder={}, loss={}, data=DataConfig(exclude=None if exclude is None else str(exclude)),
        validation=ValidationConfig(data=None if data is None else str(data), trials=trials if data else None),
        training=TrainingConfig(**more),  # type: ignore[arg-type]
    )  # fmt: skip


def test_ids_to_leave_out(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("a\nb c\n")
    assert read_excluded(config_of(tmp_path / "ids")) == {"a", "b", "c"}
    assert read_excluded(config_of()) == set()
    with pytest.raises(InputError, match=r"none: cannot be read.*\(data\.exclude, a list of recordings\)"):
        read_excluded(config_of(tmp_path / "none"))


def test_training_hears_no_recording_of_the_validation(tmp_path: Path) -> None:
    (tmp_path / RECORDINGS).write_text("a\nb\n")
    config = config_of(tmp_path / "ids", tmp_path)
    check_held_out(config, ["c", "d"])
    with pytest.raises(InputError, match="1 of these recordings are in the training data, such as 'b'"):
        check_held_out(config, ["b", "c"])
    (tmp_path / RECORDINGS).unlink()  # a set of another kind: that something is left out has to do
    check_held_out(config, ["b", "c"])


def test_what_is_half_given_is_refused(tmp_path: Path) -> None:
    check_held_out(config_of(), ["a"])
    with pytest.raises(InputError, match="give both 'data' and 'trials', or neither"):
        check_held_out(config_of(tmp_path, tmp_path, trials=None), ["a"])
    with pytest.raises(InputError, match="'best' needs validation trials"):
        check_held_out(config_of(select="best"), ["a"])
    with pytest.raises(InputError, match=r"'data\.exclude' is missing: .*`speakerssl validation` lists them in"):
        check_held_out(config_of(None, tmp_path), ["a"])
