"""Resemblyzer's own weights from its package: embeddings equal to the package's own on real speech."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.model import SpeakerModel, load_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model

SIZE = 1_423_616


def package() -> Any:
    return pytest.importorskip(
        "resemblyzer",
        reason="needs the weights in the package Resemblyzer, with librosa and webrtcvad (tools/setup.sh)",
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TorchModel:
    folder = Path(package().__file__).parent
    return load_torch_model(import_model(folder / "pretrained.pt", tmp_path_factory.mktemp("resemblyzer")))


@pytest.fixture(scope="module")
def theirs() -> Any:
    return package().VoiceEncoder("cpu", verbose=False)


def waves(shared_data: Path, model: SpeakerModel) -> Iterator[np.ndarray]:
    data = DataDir.read(shared_data / "librispeech" / "test")
    for utterance in list(data.recordings.values())[::40]:
        yield model.waveform(str(utterance.source)) / np.float32(32768.0)


def test_embeddings_equal_those_of_the_package(model: SpeakerModel, theirs: Any, shared_data: Path) -> None:
    from resemblyzer.audio import normalize_volume

    wave = next(waves(shared_data, model))
    # Around one partial utterance, around the cover of the last one, and the whole.
    for samples in (9_000, 25_599, 25_600, 25_601, 32_000, 37_120, 40_000, len(wave)):
        part = normalize_volume(wave[:samples], -30, increase_only=True)
        got = model.embed(wave[:samples], 16000, on_no_speech="keep")
        assert np.abs(got - theirs.embed_utterance(part)).max() < 1e-4, samples


def test_after_its_own_trimming_of_silence(model: SpeakerModel, theirs: Any, shared_data: Path) -> None:
    for wave in waves(shared_data, model):
        part = package().preprocess_wav(wave, 16000)
        assert np.abs(model.embed(part, 16000) - theirs.embed_utterance(part)).max() < 1e-4


def test_the_folder_of_the_package_is_loaded_as_it_is(model: TorchModel) -> None:
    direct = load_model(Path(package().__file__).parent)
    assert direct.fingerprint != ""
    noise = np.random.default_rng(0).standard_normal(30_000).astype(np.float32) * 0.1
    assert np.array_equal(*(one.embed(noise, on_no_speech="keep") for one in (model, direct)))
    assert sum(p.numel() for p in model.encoder.parameters()) == SIZE


def test_the_mel_energies_are_librosas() -> None:
    if importlib.util.find_spec("librosa") is None:
        pytest.skip("needs librosa")
    import librosa
    import torch

    from speakerssl.features import LibrosaMel

    wave = np.random.default_rng(0).standard_normal(20_000).astype(np.float32) * 0.1
    expected = librosa.feature.melspectrogram(y=wave, sr=16000, n_fft=400, hop_length=160, n_mels=40).T
    got = LibrosaMel()(torch.from_numpy(wave * np.float32(32768.0))).numpy()
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 1e-4 * np.abs(expected).max()
