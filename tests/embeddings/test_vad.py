"""Where there is speech: by level on made recordings, by silero on real ones, and the two agree."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.vad import speech_segments
from speakerssl.errors import InputError

RATE = 16000


def bursts(*spans: tuple[float, float], seconds: float, noise: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    wave = noise * rng.standard_normal(round(seconds * RATE))
    for begin, end in spans:
        place = slice(round(begin * RATE), round(end * RATE))
        wave[place] += 2000 * rng.standard_normal(place.stop - place.start)
    return wave.astype(np.float32)


def test_energy_finds_what_stands_out() -> None:
    found = speech_segments(bursts((1.0, 2.5), (4.0, 4.9), seconds=6.0), RATE, "energy")
    np.testing.assert_allclose(found, [[0.9, 2.6], [3.9, 5.0]], atol=0.05)


def test_short_gaps_are_closed_and_clicks_dropped() -> None:
    found = speech_segments(bursts((1.0, 2.0), (2.2, 3.0), (4.5, 4.55), seconds=6.0), RATE, "energy")
    np.testing.assert_allclose(found, [[0.9, 3.1]], atol=0.05)


def test_a_recording_that_is_loud_throughout_is_speech_throughout() -> None:
    found = speech_segments(bursts((0.0, 3.0), seconds=3.0), RATE, "energy")
    np.testing.assert_allclose(found, [[0.0, 3.0]], atol=0.05)


@pytest.mark.parametrize("wave", [np.zeros(RATE, np.float32), np.full(RATE, 500, np.float32), np.ones(10, np.float32)])
def test_silence_and_next_to_nothing_have_none(wave: np.ndarray) -> None:
    assert speech_segments(wave, RATE, "energy").shape == (0, 2)


def test_none_is_all_of_it_and_another_word_is_refused() -> None:
    np.testing.assert_array_equal(speech_segments(np.zeros(RATE, np.float32), RATE, "none"), [[0.0, 1.0]])
    with pytest.raises(InputError, match="it must be one of: energy, silero, none"):
        speech_segments(np.zeros(RATE, np.float32), RATE, "webrtc")


def test_silero_and_energy_on_real_speech_between_silences(shared_data: Path) -> None:
    pytest.importorskip("silero_vad", reason="needs the extra 'silero'")
    speech = DataDir.read(shared_data / "librispeech" / "test").utterances[0].read()[: 6 * RATE]
    quiet = 3 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    wave = np.concatenate([quiet, speech, quiet])
    for kind in ("silero", "energy"):
        found = speech_segments(wave, RATE, kind)
        assert 2.5 < found[0, 0] < 4.5, kind
        assert 7.0 < found[-1, 1] < 9.5, kind
        assert np.diff(found, axis=1).sum() > 3.0, kind
        assert (found[1:, 0] > found[:-1, 1]).all()
