"""Feature stores: what is in a copy, resuming, failures, and that another configuration is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speakerssl.data.kaldi import DataDir
from speakerssl.data.store import FeatureStore
from speakerssl.errors import InputError, JobError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.training.store_writer import StoreJob, write_store

FEATURES = {"kind": "fbank", "num_mel_bins": 40}
AUGMENT = {"equalizer": {"prob": 1.0}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    lines = []
    for number in range(5):
        path = folder / f"{number}.wav"
        rng = np.random.default_rng(number)
        soundfile.write(path, 0.1 * rng.standard_normal(8000 + 1600 * number), 16000)
        lines.append(f"utt{number} {path}\n")
    (folder / "wav.scp").write_text("".join(lines))
    return folder


def job(data: Path, tmp_path: Path, **changes) -> StoreJob:
    values = {"features": FEATURES, "augment": AUGMENT, "seed": 3, "cache_dir": str(tmp_path / "cache"), **changes}
    return StoreJob((str(data),), **values)


def test_copy_zero_is_the_clean_features_and_others_differ(data: Path, tmp_path: Path) -> None:
    assert write_store(job(data, tmp_path), tmp_path / "store", copies=2, jobs=2) == 5
    store = FeatureStore(tmp_path / "store")
    assert store.ids == [f"utt{i}" for i in range(5)]
    assert (store.num_copies, store.feat_dim, len(store)) == (3, 40, 5)
    frontend = FeatureFrontend(FEATURES)
    for index, utterance in enumerate(DataDir.read(data).recordings.values()):
        expected = frontend.raw(torch.from_numpy(utterance.read())).numpy()
        assert store.num_frames(index) == len(expected)
        np.testing.assert_allclose(store.frames(index, 0), expected, atol=0.01)  # float16
        assert np.abs(store.frames(index, 1) - expected).max() > 0.5
        assert np.abs(store.frames(index, 1) - store.frames(index, 2)).max() > 0.5
    assert not (tmp_path / "store" / "parts").exists()


def test_the_same_seed_gives_the_same_bytes_whatever_the_processes(data: Path, tmp_path: Path) -> None:
    for name, jobs in (("a", 1), ("b", 2)):
        write_store(job(data, tmp_path), tmp_path / name, copies=1, jobs=jobs)
    assert (tmp_path / "a" / "copy-01.npy").read_bytes() == (tmp_path / "b" / "copy-01.npy").read_bytes()


def test_interrupted_it_goes_on_from_its_parts(data: Path, tmp_path: Path, monkeypatch) -> None:
    import speakerssl.training.store_writer as writer

    monkeypatch.setattr(writer, "CHUNK", 2)
    write_store(job(data, tmp_path), tmp_path / "whole", copies=1, jobs=1)
    merge = writer._merge
    monkeypatch.setattr(writer, "_merge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_store(job(data, tmp_path), tmp_path / "store", copies=1, jobs=1)
    assert len(list((tmp_path / "store" / "parts").iterdir())) == 3
    with pytest.raises(InputError, match="not a complete feature store"):
        FeatureStore(tmp_path / "store")
    monkeypatch.setattr(writer, "_merge", merge)
    (tmp_path / "store" / "parts" / "000001.npz").unlink()
    write_store(job(data, tmp_path), tmp_path / "store", copies=1, jobs=1)
    for name in ("copy-00.npy", "copy-01.npy"):
        assert (tmp_path / "store" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_unreadable_recordings_are_listed_after_all_others(data: Path, tmp_path: Path) -> None:
    (data / "2.wav").write_bytes(b"nothing")
    with pytest.raises(JobError, match="1 recordings could not be read"):
        write_store(job(data, tmp_path), tmp_path / "store", copies=1, jobs=1)
    assert (tmp_path / "store" / "failed.txt").read_text().startswith("utt2\t")
    store = FeatureStore(tmp_path / "store")
    assert store.ids == ["utt0", "utt1", "utt3", "utt4"]
    assert store.offsets[-1] == len(store.copy(0)) == len(store.copy(1))


def test_excluded_recordings_are_left_out(data: Path, tmp_path: Path) -> None:
    write_store(job(data, tmp_path, exclude=("utt1",)), tmp_path / "store", copies=0, jobs=1)
    assert "utt1" not in FeatureStore(tmp_path / "store").ids


def test_other_options_are_refused(data: Path, tmp_path: Path) -> None:
    write_store(job(data, tmp_path), tmp_path / "store", copies=1, jobs=1)
    with pytest.raises(InputError, match="made with other options"):
        write_store(job(data, tmp_path, seed=4), tmp_path / "store", copies=1, jobs=1)
    store = FeatureStore(tmp_path / "store")
    store.check_features({**FEATURES, "cmn": "utterance"})
    with pytest.raises(InputError, match=r"other feature options \(num_mel_bins\)"):
        store.check_features({**FEATURES, "num_mel_bins": 80})
