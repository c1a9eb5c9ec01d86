"""Sums of groups: the same numbers here and in jobs, and near those of one pass over all."""

import functools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.clustering.gmm import Mixture
from speakerssl.clustering.ivector import IVectorExtractor, Sums, start_extractor, whitened_statistics
from speakerssl.clustering.ivector_features import DIM, store_frames
from speakerssl.clustering.ivector_sums import sum_recordings
from speakerssl.data.kaldi import Utterance
from speakerssl.executors import on_executor
from tests.conftest import PickledExecutor


def extractor() -> IVectorExtractor:
    rng = np.random.default_rng(0)
    return start_extractor(Mixture(np.full(2, 0.5), rng.standard_normal((2, DIM)), np.ones((2, DIM))), 3)


def test_groups_add_up_wherever_they_are_summed(tmp_path: Path, pickled: PickledExecutor) -> None:
    utterances = []
    for number in range(7):
        path = tmp_path / f"{number}.wav"
        samples = 0.1 * np.random.default_rng(number).standard_normal(4000 + 800 * number)
        soundfile.write(path, samples, 16000)
        utterances.append(Utterance(f"u{number}", str(path)))
    store = store_frames(tmp_path, utterances)
    (tmp_path / "sums-00009.npz").touch()  # left by a run that was killed
    found = []
    for name in ("local", "slurm"):
        with on_executor(name):
            found.append(sum_recordings(tmp_path, functools.partial(extractor), 6, jobs=2, group=2))
    assert pickled.shares == 2
    longest = [store[number] for number in range(1, 7)]
    squares = np.zeros((2, DIM))
    whole = Sums.of(extractor(), [whitened_statistics(extractor().mixture, longest, None, squares)], squares)
    for key, value in vars(found[0]).items():
        np.testing.assert_array_equal(value, getattr(found[1], key))
        assert value == pytest.approx(getattr(whole, key))
    assert not list(tmp_path.glob("sums-*"))
