"""The feature-statistics floor against its definition, and its published size on real speech."""

from pathlib import Path

import numpy as np

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.floor import OPTIONS, feature_statistics, z_normalize
from speakerssl.features.mfcc import Mfcc
from speakerssl.metrics.detection import compute_eer
from speakerssl.trials.trial_list import read_trials


def test_z_normalize_leaves_constant_columns_at_zero() -> None:
    matrix = np.random.default_rng(0).normal(5, 3, (50, 3))
    matrix[:, 1] = 7
    normalized = z_normalize(matrix)
    np.testing.assert_allclose(normalized.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(normalized.std(0), [1, 0, 1], atol=1e-5)


def test_floor_on_real_speech(shared_data: Path) -> None:
    folder = shared_data / "speechocean762" / "test"
    recordings = DataDir.read(folder).recordings
    statistics = feature_statistics(list(recordings.values()))
    assert statistics.shape == (750, 60)
    import torch

    frames = Mfcc(OPTIONS)(torch.from_numpy(next(iter(recordings.values())).read())).numpy()
    raw = np.concatenate([frames.mean(0), frames.std(0)])
    assert np.corrcoef(raw[1:30], frames[:, 1:].mean(0))[0, 1] > 0.999
    trials = read_trials(folder / "trials_O")
    places = {key: i for i, key in enumerate(recordings)}
    unit = statistics / np.linalg.norm(statistics, axis=1, keepdims=True)
    enrol = unit[[places[key] for key in trials.enrol_ids]][trials.enrol_index]
    test = unit[[places[key] for key in trials.test_ids]][trials.test_index]
    assert 0.085 < compute_eer((enrol * test).sum(1).astype(np.float64), trials.require_labels()) < 0.105
