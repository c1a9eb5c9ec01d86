"""Feature stores: what is in a copy, resuming, failures, and that another configuration is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speakerssl.data.kaldi import DataDir
from speakerssl.data.store import FeatureStore
from speakerssl.errors import InputError, JobError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.training import store_parts, store_writer
from speakerssl.training.store_writer import StoreJob, estimate_store, write_store

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
    writer = store_writer
    monkeypatch.setattr(store_parts, "CHUNK", 2)
    write_store(job(data, tmp_path), tmp_path / "whole", copies=1, jobs=1)
    merge = store_parts.merge_parts
    monkeypatch.setattr(writer, "merge_parts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_store(job(data, tmp_path), tmp_path / "store", copies=1, jobs=1)
    assert len(list((tmp_path / "store" / "parts").iterdir())) == 3
    with pytest.raises(InputError, match="not a complete feature store"):
        FeatureStore(tmp_path / "store")
    monkeypatch.setattr(writer, "merge_parts", merge)
    next((tmp_path / "store" / "parts").glob("000001-*.npz")).unlink()
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
    assert store.offsets[-1] == len(np.load(store.path / "copy-00.npy")) == len(np.load(store.path / "copy-01.npy"))


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


BABBLE = {"babble": {"prob": 1.0}}


def content(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.iterdir()) if path.is_file()}


def check_equal_to_fresh(made: StoreJob, tmp_path: Path, copies: int = 1) -> None:
    """Whatever was done before in `store`, it holds what an undisturbed run gives, and nothing else."""
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    write_store(made, tmp_path / "fresh", copies, jobs=1)
    assert content(tmp_path / "store") == content(tmp_path / "fresh")
    assert not (tmp_path / "store" / "parts").exists()


def stop_before_the_merge(made: StoreJob, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store_writer, "merge_parts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_store(made, store, copies=1, jobs=1)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_parts, "CHUNK", 2)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("augment", [AUGMENT, BABBLE])
def test_a_list_that_changes_between_a_stop_and_the_next_start(
    data: Path, tmp_path: Path, monkeypatch, augment
) -> None:
    made = job(data, tmp_path, augment=augment)
    stop_before_the_merge(made, tmp_path / "store", monkeypatch)
    lines = (data / "wav.scp").read_text().splitlines()
    paths = [line.split()[1] for line in lines]
    (data / "wav.scp").write_text("".join(f"utt{i} {path}\n" for i, path in enumerate([*paths[:2], *paths[:1:-1]])))
    assert write_store(made, tmp_path / "store", copies=1, jobs=1) == 5
    check_equal_to_fresh(made, tmp_path)


@pytest.mark.usefixtures("small_parts")
def test_another_exclude_list_of_equal_length(data: Path, tmp_path: Path, monkeypatch) -> None:
    stop_before_the_merge(job(data, tmp_path, exclude=("utt0",)), tmp_path / "store", monkeypatch)
    made = job(data, tmp_path, exclude=("utt4",))
    write_store(made, tmp_path / "store", copies=1, jobs=1)
    assert FeatureStore(tmp_path / "store").ids == ["utt0", "utt1", "utt2", "utt3"]
    check_equal_to_fresh(made, tmp_path)
    made = job(data, tmp_path, exclude=("utt2",))  # and of a store that is complete
    write_store(made, tmp_path / "store", copies=1, jobs=1)
    assert "utt2" not in FeatureStore(tmp_path / "store").ids
    check_equal_to_fresh(made, tmp_path)


@pytest.mark.usefixtures("small_parts")
def test_a_complete_store_follows_its_recordings(data: Path, tmp_path: Path, monkeypatch) -> None:
    """Replaced in place, added, gone: what differs is made, the rest is taken from the store as it is."""
    made = job(data, tmp_path)
    write_store(made, tmp_path / "store", copies=1, jobs=1)
    calls: list[range] = []
    of_part = store_writer._write_part
    monkeypatch.setattr(
        store_writer,
        "map_processes",
        lambda function, items, jobs, start, args: (
            start(*args),
            (calls.append(item[0].indices) or of_part(item) for item in items),
        )[1],
    )
    shutil.copy(data / "0.wav", data / "3.wav")
    write_store(made, tmp_path / "store", copies=1, jobs=1)
    assert calls == [range(2, 4)]
    with (data / "wav.scp").open("a") as file:
        file.write(f"utt5 {data}/1.wav\n")
    calls.clear()
    write_store(made, tmp_path / "store", copies=1, jobs=1)
    assert calls == [range(4, 6)]
    calls.clear()
    write_store(made, tmp_path / "store", copies=1, jobs=1)
    assert calls == []
    monkeypatch.undo()
    monkeypatch.setattr(store_parts, "CHUNK", 2)
    check_equal_to_fresh(made, tmp_path)


def test_files_that_come_back_and_silence(data: Path, tmp_path: Path) -> None:
    whole = (data / "2.wav").read_bytes()
    (data / "2.wav").unlink()
    soundfile.write(data / "4.wav", np.zeros(16000), 16000)
    made = job(data, tmp_path)
    for _ in range(2):
        with pytest.raises(JobError, match="2 recordings could not be read"):
            write_store(made, tmp_path / "store", copies=1, jobs=1)
    assert "utt4\t" in (tmp_path / "store" / "failed.txt").read_text()
    (data / "2.wav").write_bytes(whole)
    soundfile.write(data / "4.wav", 0.1 * np.random.default_rng(4).standard_normal(14400), 16000)
    assert write_store(made, tmp_path / "store", copies=1, jobs=1) == 5
    assert not (tmp_path / "store" / "failed.txt").exists()
    check_equal_to_fresh(made, tmp_path)


def test_a_broken_voice_does_not_drop_a_healthy_recording(data: Path, tmp_path: Path) -> None:
    (data / "2.wav").write_bytes(b"nothing")
    with pytest.raises(JobError, match="1 recordings could not be read"):
        write_store(job(data, tmp_path, augment=BABBLE), tmp_path / "store", copies=3, jobs=1)
    assert FeatureStore(tmp_path / "store").ids == ["utt0", "utt1", "utt3", "utt4"]


def test_the_size_is_known_before(data: Path, tmp_path: Path) -> None:
    size = estimate_store(job(data, tmp_path), copies=2)
    write_store(job(data, tmp_path), tmp_path / "store", copies=2, jobs=1)
    written = sum(path.stat().st_size for path in (tmp_path / "store").glob("copy-*.npy"))
    assert size.recordings == 5
    assert size.num_bytes == pytest.approx(written, rel=0.05)


def test_errors_of_a_worker_and_of_options_reach_the_person(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="/nowhere: is not a folder"):
        write_store(job(data, tmp_path, augment={"noise": {"folder": "/nowhere"}}), tmp_path / "store", 1, jobs=1)
    with pytest.raises(InputError, match="--copies is -1"):
        write_store(job(data, tmp_path), tmp_path / "store", -1)
    with pytest.raises(InputError, match="--jobs is -2"):
        write_store(job(data, tmp_path), tmp_path / "store", 1, jobs=-2)


def test_a_store_of_an_earlier_version_is_refused(data: Path, tmp_path: Path) -> None:
    write_store(job(data, tmp_path), tmp_path / "store", copies=1, jobs=1)
    (tmp_path / "store" / "identity.json").unlink()
    with pytest.raises(InputError, match="does not say which recordings it was made from"):
        write_store(job(data, tmp_path), tmp_path / "store", copies=1, jobs=1)
