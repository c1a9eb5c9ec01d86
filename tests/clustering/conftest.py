"""Embeddings of made and of real voices that all tests of this room use."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.floor import feature_statistics

Voices = tuple[np.ndarray, np.ndarray]


def made_voices(speakers: int, each: int, spread: float = 1.0, dim: int = 64, seed: int = 0) -> Voices:
    """Gaussian clouds: embeddings float32 [speakers * each, dim] and the speaker of each."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(speakers), each)
    points = rng.standard_normal((speakers, dim))[labels] + spread * rng.standard_normal((len(labels), dim))
    return points.astype(np.float32), labels


@pytest.fixture(scope="session")
def real_voices(shared_data: Path) -> Voices:
    """Feature statistics of 60 real speakers, six recordings each, and the speaker of each."""
    data = DataDir.read(shared_data / "speechocean762" / "test")
    assert data.utt2spk is not None
    names, labels = np.unique([data.utt2spk[key] for key in data.recordings], return_inverse=True)
    kept = np.flatnonzero(labels < 60)
    assert len(names) >= 60
    return feature_statistics([data.utterances[i] for i in kept]), labels[kept]
