"""Waves that the augmentation tests share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 16000


def voiced(seconds: float = 2.0, pitch: float = 120.0, seed: int = 0, level: float = 2000.0) -> np.ndarray:
    """A buzz of falling harmonics with syllables, and a little breath: float32, int16 range."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    harmonics = np.arange(1, int(7000 / pitch))
    tone = sum(np.sin(2 * np.pi * pitch * h * time + rng.uniform(0, 6.28)) / h for h in harmonics)
    wave = tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4.0 * time)) + 0.05 * rng.standard_normal(len(time))
    return (level * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


@pytest.fixture
def wave() -> np.ndarray:
    """Two seconds [32000]."""
    return voiced()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def real_speech(shared_data: Path) -> np.ndarray:
    """Two seconds of a real recording [32000]."""
    from speakerssl.data.audio import read_audio

    path = sorted((shared_data / "librispeech").rglob("*.flac"))[0]
    return read_audio(path, 1.0, 2.0)


@pytest.fixture
def make_audio(tmp_path: Path) -> Callable[..., Path]:
    """`make_audio("a/b.wav", wave, rate)` writes a file under the test's folder."""

    def make(name: str, samples: np.ndarray | None = None, rate: int = RATE) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = voiced(seed=len(name)) if samples is None else samples
        soundfile.write(path, samples / 32768.0, rate)
        return path

    return make
