"""Batches of recordings in one process or several."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile

from speakerssl.data.kaldi import DataDir
from speakerssl.data.utterance import Utterance
from speakerssl.embeddings import workers
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.model import SpeakerModel, load_model
from speakerssl.embeddings.onnx_model import OnnxModel
from speakerssl.embeddings.workers import (
    AHEAD,
    WorkerSettings,
    embed_all,
    embed_batch,
    embed_overlapped,
)
from speakerssl.errors import InputError


@pytest.fixture
def settings(model_dir: Path) -> WorkerSettings:
    return WorkerSettings(str(model_dir), Crops())


def test_a_padded_batch_one_by_one_and_in_pieces_agree(settings: WorkerSettings, data_dir: Path) -> None:
    model, batch = load_model(settings.model), list(DataDir.read(data_dir).recordings.values())[5:9]
    whole = embed_batch(model, batch, settings)
    assert whole.ids == [utterance.id for utterance in batch]
    assert not whole.failed
    alone = embed_batch(model, batch, replace(settings, pad=False))
    np.testing.assert_allclose(whole.embeddings, alone.embeddings, atol=2e-4)
    long = {batch[1].id: batch[1].duration()}
    pieces = embed_batch(model, batch, replace(settings, long=long))
    assert sorted(pieces.ids) == sorted(whole.ids)
    row = pieces.ids.index(batch[1].id)
    np.testing.assert_allclose(pieces.embeddings[row], whole.embeddings[1], atol=2e-3)


def test_what_fails_is_named_and_the_others_go_on(settings: WorkerSettings, data_dir: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    good = next(iter(DataDir.read(data_dir).recordings.values()))
    gone = Utterance("gone", str(tmp_path / "gone.wav"), origin="wav.scp", line=3)
    silent = Utterance("silent", str(tmp_path / "silent.wav"))
    found = embed_batch(load_model(settings.model), [gone, good, silent], settings)
    assert found.ids == [good.id]
    assert sorted(found.failed) == ["gone", "silent"]
    assert found.failed["gone"].startswith("wav.scp:3: ")
    nothing = embed_batch(load_model(settings.model), [gone], settings)
    assert nothing.embeddings.shape == (0, 512)


def test_an_encoder_that_gives_nan_fails_by_name(
    settings: WorkerSettings, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (utterance, *_) = load_model(settings.model), DataDir.read(data_dir).recordings.values()
    monkeypatch.setattr(type(model), "encode", lambda self, waves: np.full((len(waves), 512), np.nan, np.float32))
    found = embed_batch(model, [utterance], settings)
    assert (found.ids, found.failed) == ([], {utterance.id: f"{utterance.id}: the encoder gives NaN or infinity"})


def test_batches_come_in_order(settings: WorkerSettings, data_dir: Path) -> None:
    recordings = list(DataDir.read(data_dir).recordings.values())[:6]
    batches = [recordings[:2], recordings[2:3], recordings[3:]]
    assert [result.ids for result in embed_all(settings, batches, jobs=1)] == [[u.id for u in b] for b in batches]


class Device:
    """A model whose network waits, as a device does, until the reader is `AHEAD` batches on."""

    sample_rate, embed_dim = 16000, 2

    def __init__(self, read: list[str], total: int) -> None:
        self.read, self.total, self.calls, self.enough = read, total, 0, threading.Condition()

    def encode(self, waves: list[np.ndarray]) -> np.ndarray:
        self.calls += 1
        wanted = min(self.calls + AHEAD, self.total)
        with self.enough:
            assert self.enough.wait_for(lambda: len(self.read) >= wanted, timeout=20), "nobody reads ahead"
        return np.array([[len(wave), self.calls] for wave in waves], np.float32)


def test_reading_goes_on_while_the_network_computes(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utterances = DataDir.read(data_dir).utterances
    read: list[str] = []
    device = Device(read, len(utterances))
    original = Utterance.read

    def recorded(self: Utterance, *args: Any, **options: Any) -> np.ndarray:
        wave = original(self, *args, **options)
        with device.enough:
            read.append(self.id)
            device.enough.notify_all()
        if self.id == "u04":
            raise InputError("u04 is damaged")
        return wave

    monkeypatch.setattr(Utterance, "read", recorded)
    settings = WorkerSettings("", Crops(), device="cuda", on_no_speech="keep")
    results = list(embed_overlapped(cast(SpeakerModel, device), [[one] for one in utterances], settings))
    assert [result.ids for result in results] == [[one.id] if one.id != "u04" else [] for one in utterances]
    assert results[4].failed == {"u04": "u04 is damaged"}
    assert results[0].embeddings[0, 0] == len(original(utterances[0]))


def test_an_onnx_file_gets_the_threads_that_are_asked_for(onnx_file: Path, data_dir: Path) -> None:
    batch = [next(iter(DataDir.read(data_dir).recordings.values()))]
    assert next(embed_all(WorkerSettings(str(onnx_file), Crops(), threads=2, pad=False), [batch], 1)).ids == ["u00"]
    assert isinstance(workers._model, OnnxModel)
    assert workers._model.session.get_session_options().intra_op_num_threads == 2
