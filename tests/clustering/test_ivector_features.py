"""Frames for i-vectors: silence is left out, the cache is used again and belongs to its recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.clustering.ivector_features import DIM, speech_frames, store_frames
from speakerssl.data.kaldi import Utterance
from speakerssl.errors import JobError


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (3000 * np.random.default_rng(seed).standard_normal(round(16000 * seconds))).astype(np.float32)


def test_silence_is_left_out_and_the_local_mean_removed() -> None:
    wave = np.concatenate([noise(1), np.zeros(16000, np.float32), noise(1, 1)])
    frames = speech_frames(wave)
    assert frames.shape[1] == DIM == 72
    assert 195 <= len(frames) <= 215
    assert len(speech_frames(np.zeros(16000, np.float32))) == 100  # nothing is loud: all stay
    assert np.abs(speech_frames(noise(3)).mean(0)).max() < 1


def test_a_store_is_made_once(tmp_path: Path) -> None:
    utterances = []
    for number in range(3):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, noise(0.5 + number, number) / 32768, 16000)
        utterances.append(Utterance(f"u{number}", str(path)))
    first = store_frames(tmp_path / "store", utterances)
    for path in tmp_path.glob("*.wav"):
        path.unlink()
    again = store_frames(tmp_path / "store", utterances)
    assert [len(again[i]) for i in range(3)] == [len(first[i]) for i in range(3)]
    assert np.array_equal(again[2], first[2])
    assert again.sample(10, seed=0).shape == (10, DIM)
    assert len(again.sample(10**6, seed=0)) == len(again.frames)


def test_what_cannot_be_used_is_left_out_and_remembered(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(0.5) / 32768, 16000)
    soundfile.write(tmp_path / "b.wav", np.zeros(8000), 16000)
    utterances = [Utterance(name, str(tmp_path / f"{name}.wav")) for name in ("a", "b", "gone")]
    for _ in range(2):
        store = store_frames(tmp_path / "store", utterances)
        assert store.ids == ["a"]
        assert list(store.failed) == ["b", "gone"]
        assert "no speech" in store.failed["b"]
    kept = store_frames(tmp_path / "kept", utterances, "keep")
    assert kept.ids == ["a", "b"]
    with pytest.raises(JobError, match="no recording could be used; the first: b: no speech"):
        store_frames(tmp_path / "none", utterances[1:])
