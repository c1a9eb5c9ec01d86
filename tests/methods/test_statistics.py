"""Reference embeddings from feature statistics: a slow reference, what whitening is for, real speech, odd input."""

from pathlib import Path

import numpy as np
import torch

from speakerssl.data.kaldi import DataDir
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods.clustering import unit
from speakerssl.methods.statistics import RIDGE, frame_statistics, statistics_embeddings


def sessions_under_words(sessions: int = 10, each: int = 6) -> tuple[list[np.ndarray], np.ndarray]:
    """Features [40, 6] whose first two columns wander with the words, and whose last four hold a session's offset."""
    rng = np.random.default_rng(0)
    offsets = rng.standard_normal((sessions, 4))
    recordings = []
    for session in np.repeat(np.arange(sessions), each):
        words = np.repeat(rng.standard_normal((4, 2)) * 8, 10, axis=0)
        frames = np.hstack([words, np.tile(offsets[session], (40, 1))]) + 0.1 * rng.standard_normal((40, 6))
        recordings.append(frames)
    return recordings, np.repeat(np.arange(sessions), each)


def nearest_is_alike(vectors: np.ndarray, labels: np.ndarray) -> float:
    """How often the nearest other recording by cosine has the same label."""
    cosines = unit(vectors) @ unit(vectors).T
    np.fill_diagonal(cosines, -np.inf)
    return float((labels[cosines.argmax(axis=1)] == labels).mean())


def test_distances_are_those_of_a_slow_reference() -> None:
    recordings = [np.random.default_rng(i).standard_normal((7 + i, 3)) for i in range(9)]
    found = statistics_embeddings(recordings)
    within = np.zeros((6, 6))
    for frames in recordings:
        half = len(frames) // 2
        first, second = frames[:half], frames[len(frames) - half :]
        change = [first[:, k].mean() - second[:, k].mean() for k in range(3)]
        change += [first[:, k].std() - second[:, k].std() for k in range(3)]
        within += np.outer(change, change) / (2 * len(recordings))
    metric = np.linalg.inv(within + RIDGE * np.trace(within) / 6 * np.eye(6))
    whole = [frame_statistics(frames) for frames in recordings]
    for i in range(9):
        for j in range(9):
            expected = (whole[i] - whole[j]) @ metric @ (whole[i] - whole[j])
            np.testing.assert_allclose(((found[i] - found[j]) ** 2).sum(), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-9)


def test_sessions_are_found_under_words_that_vary_more() -> None:
    recordings, sessions = sessions_under_words()
    plain = np.stack([frame_statistics(frames) for frames in recordings])
    assert nearest_is_alike(plain - plain.mean(axis=0), sessions) < 0.5
    assert nearest_is_alike(statistics_embeddings(recordings), sessions) > 0.9


def test_neighbours_do_not_depend_on_level_or_order() -> None:
    recordings, _ = sessions_under_words()
    found = statistics_embeddings(recordings)
    louder = statistics_embeddings([frames + 3.0 for frames in recordings])  # a gain, in log-mel
    np.testing.assert_allclose(louder, found, atol=1e-8)
    order = np.random.default_rng(1).permutation(len(recordings))
    np.testing.assert_allclose(statistics_embeddings([recordings[i] for i in order]), found[order], atol=1e-8)


def test_silence_and_single_frames_give_finite_numbers() -> None:
    for recordings in ([np.zeros((5, 3))] * 4, [np.ones((1, 3)), np.zeros((1, 3))]):
        assert np.isfinite(statistics_embeddings(recordings)).all()


def test_real_speech_of_one_speaker_lies_together(shared_data: Path) -> None:
    train = shared_data / "speechocean762" / "train"
    speakers = dict(line.split() for line in (train / "labels" / "utt2spk").read_text().splitlines())
    recordings = dict(list(DataDir.read(train).recordings.items())[:400])
    frontend = FeatureFrontend({"num_mel_bins": 64})
    feats = [frontend.raw(torch.from_numpy(item.read(0.0, 4.0))[None])[0].numpy() for item in recordings.values()]
    labels = np.array([int(speakers[key]) for key in recordings])
    assert len(set(labels)) == 20
    assert nearest_is_alike(statistics_embeddings(feats), labels) > 0.9
