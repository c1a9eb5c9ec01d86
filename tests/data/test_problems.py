"""One line for everything that is wrong with directories, and between them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.kaldi import DataDir
from speakerssl.data.problems import KINDS, find_problems


@pytest.fixture
def add(tmp_path: Path):
    """`add("train", "id", samples)` adds a recording to a directory under `tmp_path`."""

    def write(name: str, key: str, samples: np.ndarray, rate: int = 16000, suffix: str = "wav") -> None:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        soundfile.write(folder / f"{key}.{suffix}", samples, rate)
        with open(folder / "wav.scp", "a") as file:
            file.write(f"{key} {folder}/{key}.{suffix}\n")

    return write


def found(tmp_path: Path, *names: str, **options) -> set[tuple[str, str, str]]:
    result = find_problems([DataDir.read(tmp_path / name) for name in names], **options)
    assert set(result.counts) == {problem.kind for problem in result.problems} <= set(KINDS)
    return {(Path(problem.data).name, problem.id, problem.kind) for problem in result.problems}


def test_healthy_recordings_have_no_problem(add, voice, tmp_path: Path) -> None:
    for seed in range(3):
        add("train", f"a{seed}", voice(1.5, seed=seed))
    assert found(tmp_path, "train") == set()
    result = find_problems([DataDir.read(tmp_path / "train")])
    assert (result.recordings, result.hours) == (3, pytest.approx(4.5 / 3600))


def test_each_problem_has_its_name(add, voice, tmp_path: Path) -> None:
    wave = voice(1.5)
    add("d", "good", wave)
    add("d", "good2", voice(1.5, seed=9))
    add("d", "silent", np.zeros(24000, np.int16))
    add("d", "silent2", np.full(24000, 99, np.int16))
    add("d", "hum", (3000 * np.sin(np.arange(24000) * 2 * np.pi * 1000 / 16000)).astype(np.int16))
    add("d", "clipped", np.clip(voice(1.5, seed=1).astype(int) * 40, -32768, 32767).astype(np.int16))
    add("d", "short", voice(0.5, seed=2))
    add("d", "phone", voice(1.5, 8000, 3), rate=8000)
    add("d", "call", np.stack([voice(1.5, seed=4), voice(1.5, seed=6)], 1))
    add("d", "opposite", np.stack([voice(1.5, seed=5), -voice(1.5, seed=5)], 1))
    add("d", "half", np.stack([voice(1.5, seed=7), 0 * wave], 1))
    add("d", "same", wave, suffix="flac")
    add("d", "gone", wave)
    (tmp_path / "d" / "gone.wav").unlink()
    assert found(tmp_path, "d") == {
        ("d", "silent", "silent"), ("d", "silent2", "silent"), ("d", "hum", "no speech"), ("d", "clipped", "clipped"),
        ("d", "short", "too short"), ("d", "phone", "wrong rate"), ("d", "call", "two voices"),
        ("d", "opposite", "opposite channels"), ("d", "half", "dead channel"), ("d", "same", "duplicate"),
        ("d", "gone", "unreadable"),
    }  # fmt: skip


def test_leaks_between_training_and_test(add, voice, tmp_path: Path) -> None:
    add("train", "a", voice(1.5, seed=1))
    add("train", "b", voice(1.5, seed=2))
    add("test", "other-name", voice(1.5, seed=2), suffix="flac")
    add("test", "c", voice(1.5, seed=3))
    (tmp_path / "train" / "utt2spk").write_text("a s1\nb s2\n")
    (tmp_path / "test" / "utt2spk").write_text("other-name s2\nc s3\n")
    assert found(tmp_path, "train", "test") == {("test", "other-name", "leak"), ("test", "s2", "same speaker")}
    result = find_problems([DataDir.read(tmp_path / name) for name in ("train", "test")])
    assert result.problems[0].detail == f"{tmp_path}/train: b"


def test_the_rate_may_be_given(add, voice, tmp_path: Path) -> None:
    add("d", "a", voice(1.5, 8000), rate=8000)
    assert found(tmp_path, "d") == {("d", "a", "wrong rate")}
    assert found(tmp_path, "d", rate=8000) == set()
    assert found(tmp_path, "d", rate=8000, min_duration=2.0) == {("d", "a", "too short")}
