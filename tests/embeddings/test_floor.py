"""The feature-statistics floor against its definition, and its published size on real speech."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.floor import OPTIONS, extract_floor, feature_statistics, z_normalize
from speakerssl.errors import InputError
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


def test_started_again_it_equals_a_fresh_run(data_dir: Path, tmp_path: Path) -> None:
    """Replaced in place, gone, new: only these are computed, and z-normalization is over what is there now."""
    data, output = tmp_path / "data", tmp_path / "out"
    shutil.copytree(data_dir, data)
    lines = (data / "wav.scp").read_text().replace(str(data_dir), str(data)).splitlines(keepends=True)
    (data / "wav.scp").write_text("".join(lines[:10]))
    assert extract_floor([data], output) == (10, {})
    shutil.copy(data / "u00.wav", data / "u05.wav")
    (data / "wav.scp").write_text("".join(lines[2:]))
    assert extract_floor([data], output) == (10, {})
    extract_floor([data], tmp_path / "fresh")
    for name in ("xvector.ark", "statistics.npz", "identity.json"):
        assert (output / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def test_silence_and_unreadable_recordings_fail_by_name(data_dir: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", np.zeros(16000, np.int16), 16000)
    lines = (data_dir / "wav.scp").read_text()
    (tmp_path / "wav.scp").write_text(f"{lines}silent {tmp_path}/s.wav\ngone {tmp_path}/none.wav\n")
    count, failed = extract_floor([tmp_path], tmp_path / "out")
    assert count == 12
    assert "no speech: it is silent" in failed["silent"]
    assert "No such file" in failed["gone"]
    assert sorted(line.split("\t")[0] for line in (tmp_path / "out" / "failed.txt").open()) == ["gone", "silent"]
    assert extract_floor([tmp_path], tmp_path / "kept", on_no_speech="keep")[0] == 13


def test_one_id_for_two_recordings_is_refused(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text(f"u00 {data_dir}/u01.wav\n")
    with pytest.raises(InputError, match="'u00' is another recording in"):
        extract_floor([data_dir, tmp_path], tmp_path / "out")
    assert extract_floor([data_dir, data_dir], tmp_path / "out")[0] == 12
