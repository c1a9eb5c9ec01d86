"""What a person sees of training: lines of JSON, of standard error, pictures."""

import json
import os
from pathlib import Path

import pytest

from speakerssl.training.log import TrainingLog


def steps_of(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (path / "train.jsonl").read_text().splitlines()]


def test_a_resumed_log_drops_what_came_after_its_start(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, 0, 10, tensorboard=False)
    for step in (1, 2, 3):
        log.step(step, {"loss": 1.0})
    log.close()
    with (tmp_path / "train.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # killed in the middle of a line
    log = TrainingLog(tmp_path, 2, 10, tensorboard=False)
    log.step(3, {"loss": 0.5})
    log.close()
    assert steps_of(tmp_path) == [1, 2, 3]
    assert json.loads((tmp_path / "train.jsonl").read_text().splitlines()[-1])["loss"] == 0.5


def test_killed_while_lines_are_dropped_a_run_keeps_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = TrainingLog(tmp_path, 0, 10, tensorboard=False)
    for step in (1, 2, 3):
        log.step(step, {"loss": 1.0})
    log.close()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        TrainingLog(tmp_path, 2, 10, tensorboard=False)
    assert steps_of(tmp_path) == [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


def test_lines_on_standard_error_are_few_but_for_validation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("speakerssl.training.log.time.monotonic", lambda: now[0])
    log = TrainingLog(tmp_path, 0, 100, tensorboard=False)
    now[0] = 60.0
    log.step(10, {"loss": 1.23456, "lr": 0.001, "other": 3})
    now[0] = 61.0
    log.step(11, {"loss": 1.0})
    log.step(12, {"loss": 1.0, "valid_eer_percent": 12.5})
    log.close()
    first, second = capsys.readouterr().err.splitlines()
    assert first == "step 10/100  loss 1.235  lr 0.001  left 9.0 min"
    assert second.startswith("step 12/100  loss 1  valid EER % 12.5")


def test_nothing_is_drawn_without_tensorboard(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, 0, 10, tensorboard=False)
    log.picture(1, "x", lambda: pytest.fail("was drawn"))
    log.close()
    assert not (tmp_path / "tensorboard").exists()
