"""Features in a temporary file: those of the whole recording, read anywhere, normalized in two passes."""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.embeddings import feature_file
from speakerssl.embeddings.feature_file import FeatureFile
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend

CPU = torch.device("cpu")


def voice(samples: int = 40_000) -> np.ndarray:
    """Noise whose level and colour change, with a silent fifth, in the int16 range."""
    rng = np.random.default_rng(0)
    wave = 2000 * rng.standard_normal(samples) * np.linspace(0.1, 1.5, samples)
    wave[samples // 2 :] = np.cumsum(wave[samples // 2 :]) / 20
    wave[samples // 5 : 2 * samples // 5] *= 1e-4
    return wave.astype(np.float32)


def made(features: dict[str, Any], parts: int = 5, wave: np.ndarray | None = None) -> FeatureFile:
    frontend = FeatureFrontend({"num_mel_bins": 24, **features}).eval()
    return FeatureFile(frontend, np.array_split(voice() if wave is None else wave, parts), CPU)


@pytest.mark.parametrize(
    "features",
    [
        {"norm_vars": True, "added_variance": 1e-3},
        {"cmn": "sliding", "cmn_window": 50, "norm_vars": True, "deltas": 1},
        {"deltas": 2, "delta_window": 3, "vad": True},
        {"kind": "torchaudio_mel", "vad": {"frames_context": 0}},
        {"kind": "librosa_mel", "extra_frames": 1, "cmn": "none", "vad": True},
        {"kind": "mfcc", "num_ceps": 20, "snip_edges": False, "vad": True},
        {"kind": "speechbrain_fbank", "top_db": 30.0},  # below the highest value of the whole recording
        {"kind": "librosa_mel", "raise_to_dbfs": -3.0},  # by its level as a whole
    ],
)
def test_any_stretch_is_that_of_the_whole(features: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_file, "CHUNK", 61)  # so that normalization crosses several chunks
    expected = FeatureFrontend({"num_mel_bins": 24, **features}).eval().recording(torch.from_numpy(voice()))
    for parts in (1, 4, 130):
        found = made(features, parts)
        assert (found.num_frames, found.dim) == tuple(expected.shape)
        for begin, end in ((0, found.num_frames), (17, 18), (55, 130), (9, 9)):
            torch.testing.assert_close(found.read(begin, end), expected[begin:end], atol=1e-3, rtol=1e-3)
        found.close()


def test_mean_and_deviation_are_over_all_frames_before_any_is_left_out() -> None:
    raw = FeatureFrontend({"num_mel_bins": 24}).raw(torch.from_numpy(voice())).double()
    found = made({"norm_vars": True})
    by_hand = (raw - raw.mean(0)) / raw.std(0, unbiased=False)
    torch.testing.assert_close(found.read(0, found.num_frames).double(), by_hand, atol=1e-3, rtol=1e-3)
    speech = made({"vad": True})
    assert 0 < speech.num_frames < found.num_frames - 40
    assert speech.read(0, speech.num_frames).mean(0).abs().min() > 0.1  # silence counted in the mean


def test_a_recording_without_a_frame() -> None:
    assert made({}, parts=1, wave=voice(399)).num_frames == 0
    assert FeatureFile(FeatureFrontend({}), [], CPU).num_frames == 0
    with pytest.raises(InputError, match="shorter than 201"):
        made({"kind": "torchaudio_mel"}, parts=1, wave=voice(150))


def test_an_error_while_the_recording_is_read_leaves_no_file_open(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    make: Any = tempfile.TemporaryFile

    def recorded(**options: str) -> Any:
        opened.append(make(**options))
        return opened[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", recorded)

    def pieces() -> Iterator[np.ndarray]:
        yield voice(8000)
        raise InputError("a.wav: is truncated")

    with pytest.raises(InputError, match="is truncated"):
        FeatureFile(FeatureFrontend({}), pieces(), CPU)
    assert [file.closed for file in opened] == [True, True]
    found = made({})
    assert [file.closed for file in opened] == [True, True, False, True]  # the raw features are no longer needed
    found.close()
    assert opened[2].closed
