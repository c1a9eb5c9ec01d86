"""While a device computes, the next batches are read; results keep their order and each failure its name."""

import threading
from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.workers import AHEAD, WorkerSettings, embed_overlapped
from speakerssl.errors import InputError


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

    def recorded(self: Utterance, *args: object, **options: object) -> np.ndarray:
        wave = original(self, *args, **options)
        with device.enough:
            read.append(self.id)
            device.enough.notify_all()
        if self.id == "u04":
            raise InputError("u04 is damaged")
        return wave

    monkeypatch.setattr(Utterance, "read", recorded)
    settings = WorkerSettings("", Crops(), device="cuda", on_no_speech="keep")
    results = list(embed_overlapped(device, [[one] for one in utterances], settings))
    assert [result.ids for result in results] == [[one.id] if one.id != "u04" else [] for one in utterances]
    assert results[4].failed == {"u04": "u04 is damaged"}
    assert results[0].embeddings[0, 0] == len(original(utterances[0]))
