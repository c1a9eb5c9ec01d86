"""Recordings that the tests of the features share, float32 in the int16 range at 16 kHz."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray


def make_speech(samples: int, seed: int = 0) -> torch.Tensor:
    """A gliding voice of 30 harmonics with pauses, over faint noise, in whole int16 steps."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 16000
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * np.pi * 0.7 * time)) / 16000
    voice = sum(np.cos(k * phase + rng.uniform(0, 6)) / k for k in range(1, 31))
    loudness = np.clip(np.sin(2 * np.pi * 2.3 * time), 0, None)
    wave = 4000 * loudness * voice + 20 * rng.standard_normal(samples)
    return torch.from_numpy(np.round(wave.clip(-32768, 32767)).astype(np.float32))


@pytest.fixture(scope="session")
def speech_like() -> Callable[..., torch.Tensor]:
    """The function `(samples, seed=0)` that makes speech-like sound."""
    return make_speech


@pytest.fixture(scope="session")
def synthetic_waves() -> dict[str, torch.Tensor]:
    """Speech-like noise, silence, a single frame and full scale (noise, a square and a pure tone)."""
    rng = np.random.default_rng(1)
    time = np.arange(16000)
    waves = {
        "full-scale noise": rng.integers(-32768, 32768, 16000),
        "full-scale square": np.where(np.sin(0.3 * time) >= 0, 32767, -32768),
        "full-scale tone": np.round(32767 * np.sin(2 * np.pi * time / 16)),
        "silence": np.zeros(8000),
    }
    tensors = {name: torch.from_numpy(wave.astype(np.float32)) for name, wave in waves.items()}
    return {"speech-like": make_speech(32000), "single frame": make_speech(400, seed=5), **tensors}


@pytest.fixture(scope="session")
def golden(shared_data: Path) -> Mapping[str, NDArray]:
    """Arrays computed by Kaldi's own code."""
    with np.load(shared_data / "kaldi_golden" / "golden.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture(scope="session")
def real_waves(shared_data: Path) -> dict[str, torch.Tensor]:
    """Read speech of children and adults (two corpora), at most five seconds each."""
    import soundfile

    paths = []
    for corpus in ("speechocean762", "librispeech"):
        lines = (shared_data / corpus / "test" / "wav.scp").read_text().splitlines()
        paths += [shared_data / corpus / line.split(maxsplit=1)[1] for line in lines[:: len(lines) // 3]]
    waves = [soundfile.read(path, dtype="int16", stop=80000)[0] for path in paths]
    return {path.stem: torch.from_numpy(wave.astype(np.float32)) for path, wave in zip(paths, waves)}
