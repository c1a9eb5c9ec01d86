"""The one rule for recordings without speech: what it refuses, and that quiet or noisy real speech passes."""

import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from speakerssl.data.audio import AudioError
from speakerssl.data.kaldi import DataDir
from speakerssl.data.speech import check_speech, why_no_speech
from speakerssl.errors import InputError

RATE = 16000
TIME = np.arange(10 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(10 * RATE)
NO_SPEECH = {
    "zeros": (0 * TIME, "silent or constant"),
    "offset": (0 * TIME + 8192, "silent or constant"),
    "offset with dither": (8192 + np.rint(NOISE), "nothing stands out"),
    "dither": (np.rint(0.7 * NOISE), "nothing stands out"),
    "hiss": (30 * NOISE, "nothing stands out"),
    "rumble": (np.cumsum(NOISE), "nothing stands out"),
    "coloured noise": (5 * lfilter([1.0], [1.0, -0.9], NOISE), "nothing stands out"),
    "hum": (3 * np.sin(2 * np.pi * 50 * TIME) + 0.5 * NOISE, "nothing stands out"),
    "tone": (10_000 * np.sin(2 * np.pi * 440 * TIME), "steady tone"),
    "quiet tone": (20 * np.sin(2 * np.pi * 1000 * TIME), "steady tone"),
    "one click": (np.where(TIME == 1.0, 20_000, 0), "silent or constant"),
    "one sample": (TIME[:1] + 5, "lasts"),
    "399 samples": (1000 * NOISE[:399], "lasts"),
}
CORPORA = ("speechocean762/test", "librispeech/test", "an4/train", "speech_commands/train", "picovoice_wake/train")


@pytest.mark.parametrize("name", NO_SPEECH)
def test_no_speech_has_a_reason(name: str) -> None:
    wave, reason = NO_SPEECH[name]
    assert reason in why_no_speech(wave.astype(np.float32), RATE)


def test_no_samples_at_all() -> None:
    assert "lasts 0 s" in why_no_speech(np.empty(0, np.float32), RATE)


def test_real_speech_passes_quiet_and_noisy(shared_data: Path) -> None:
    """As it is, 60 dB down as floats and as 16 bits, and 60 dB down in noise 5 dB below it."""
    rng, checked = np.random.default_rng(0), 0
    for corpus in CORPORA:
        utterances = DataDir.read(shared_data / corpus).utterances
        for utterance in utterances[:: max(1, len(utterances) // 30)]:
            wave = utterance.read()
            quiet = 0.001 * wave
            noise = rng.standard_normal(len(wave)) * np.sqrt(np.mean(np.square(quiet)) / 10**0.5)
            kinds = [wave, quiet, quiet + noise]
            if np.abs(quiet).max() > 3:  # else next to nothing is left in 16 bits
                kinds.append(np.rint(quiet))
            for kind in kinds:
                assert why_no_speech(kind.astype(np.float32), RATE) == "", utterance.id
            checked += 1
    assert checked > 100


def test_a_word_in_a_long_silence_passes(shared_data: Path) -> None:
    word = DataDir.read(shared_data / "librispeech/test").utterances[0].read()[RATE : 2 * RATE]
    wave = np.concatenate([np.zeros(300 * RATE, np.float32), 0.01 * word, np.zeros(300 * RATE, np.float32)])
    assert why_no_speech(wave, RATE) == ""


def test_error_warn_and_keep(caplog: pytest.LogCaptureFixture) -> None:
    silence = np.zeros(RATE, np.float32)
    with pytest.raises(AudioError, match=r"^a\.wav: no speech: it is silent or constant, .*; --on-no-speech keep"):
        check_speech(silence, RATE, "a.wav")
    with caplog.at_level(logging.WARNING):
        check_speech(silence, RATE, "a.wav", "keep")
        assert not caplog.messages
        check_speech(silence, RATE, "a.wav", "warn")
    assert caplog.messages[0].startswith("a.wav: no speech: it is silent or constant")
    with pytest.raises(InputError, match="on_no_speech is 'maybe'; it must be one of: error, warn, keep"):
        check_speech(silence, RATE, "a.wav", "maybe")
