"""One rule for recordings that hold no speech: found here, and refused, said or kept everywhere alike.

Encoders give silence, a constant, hiss and a hum embeddings that match each other at cosines near 1. What is looked
at is the level of every 10 ms, smoothed over 30 ms:

- shorter than 0.1 s: no syllable fits;
- silent, constant, or a steady tone: nothing changes from frame to frame (channels in antiphase are read as silence,
  also after a lossy codec: data.mixing);
- below -37 dB of full scale: between 200 and 3,800 Hz the loudest 0.1 s must stand 4 dB above the quietest tenth.
  Speech does, also 60 dB quieter than it was recorded, rounded to 16 bits or in noise 5 dB below it; hiss, dither,
  rumble and hum do not (tests/data/test_speech.py). A louder recording passes: what it holds is not decided here.
"""

import logging

import numpy as np

from speakerssl.data.audio import AudioError
from speakerssl.errors import InputError

ON_NO_SPEECH = ("error", "warn", "keep")
SHORTEST_SECONDS = 0.1
SILENCE_DB, QUIET_DB = -25.0, 50.0  # of one unit of the int16 range: full scale is a sine of 87 dB
STANDS_OUT_DB = 4.0
STEADY_DB, STEADY_CHANGE = 1.0, 0.02  # of a tone: level over time, relative change of the spectrum
_BLOCKS = 6000  # of 10 ms that are worked on at once: a minute

_log = logging.getLogger("speakerssl.speech")
_log.setLevel(logging.WARNING)  # also in worker processes, which keep quiet about what all of them would say


def check_speech(wave: np.ndarray, sample_rate: int, name: str, on_no_speech: str = "error") -> None:
    """Refuses (`error`), remarks on (`warn`) or keeps quiet about (`keep`) a recording without speech.

    Args:
        wave: [S] in the int16 range.
        name: of the recording, for the message.

    Raises:
        AudioError: there is no speech in it and `on_no_speech` is `error`.
        InputError: another word than these three.
    """
    if on_no_speech not in ON_NO_SPEECH:
        raise InputError(f"on_no_speech is '{on_no_speech}'; it must be one of: {', '.join(ON_NO_SPEECH)}")
    if on_no_speech == "keep" or not (reason := why_no_speech(wave, sample_rate)):
        return
    if on_no_speech == "warn":
        _log.warning("%s: no speech: %s", name, reason)
        return
    raise AudioError(f"{name}: no speech: {reason}; --on-no-speech keep (on_no_speech='keep') uses it")


def why_no_speech(wave: np.ndarray, sample_rate: int) -> str:
    """Why `wave` [S] (int16 range) holds no speech, '' where it may."""
    seconds = len(wave) / sample_rate
    if seconds < SHORTEST_SECONDS:
        return f"it lasts {seconds:.3g} s, less than {SHORTEST_SECONDS:g} s"
    loudest, spread = _loudest_and_spread(wave, sample_rate)
    if loudest < SILENCE_DB:
        return "it is silent or constant, or its channels cancel out"
    if spread < STEADY_DB and _is_steady(wave):
        return "it is a steady tone"
    if loudest < QUIET_DB and _loudest_and_spread(_speech_band(wave, sample_rate), sample_rate)[1] < STANDS_OUT_DB:
        return f"it is quiet ({loudest - 87.3:.0f} dB of full scale) and nothing stands out of its noise"
    return ""


def _loudest_and_spread(wave: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Level of the loudest 0.1 s in dB, and how far it is above the level of the quietest tenth."""
    levels = np.sort(block_levels(wave, sample_rate))
    loudest = float(levels[-min(10, len(levels))])
    return loudest, loudest - float(levels[len(levels) // 10])


def block_levels(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level in dB of every 10 ms of `wave`, its mean taken off, smoothed over 30 ms."""
    hop = max(1, round(0.01 * sample_rate))
    powers = [
        wave[begin : begin + _BLOCKS * hop][: (len(wave) - begin) // hop * hop].reshape(-1, hop).var(axis=1)
        for begin in range(0, len(wave) - hop + 1, _BLOCKS * hop)
    ]
    power = np.concatenate(powers).astype(np.float64)
    smooth = np.convolve(power, np.ones(3) / 3, "valid") if len(power) > 2 else power
    return 10.0 * np.log10(smooth + 1e-4)


def _speech_band(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """`wave` between 200 and 3,800 Hz: without rumble and hum, and without most of the hiss."""
    from scipy.signal import butter, sosfilt

    band = (200.0, min(3800.0, 0.45 * sample_rate))
    return sosfilt(butter(4, band, "bandpass", fs=sample_rate, output="sos"), wave - wave[:1]).astype(np.float32)


def _is_steady(wave: np.ndarray) -> bool:
    """Whether the spectrum stays what it is: at most twenty pairs of neighbouring stretches of 128 ms (at 16 kHz)."""
    size = min(2048, len(wave) // 2)
    starts = np.linspace(0, len(wave) - 2 * size, 20).astype(int)
    window = np.hanning(size)
    changes = []
    for start in np.unique(starts):
        pair = wave[start : start + 2 * size].reshape(2, size)
        first, second = np.abs(np.fft.rfft((pair - pair.mean(axis=1, keepdims=True)) * window))
        changes.append(float(np.linalg.norm(first - second)) / max(float(np.linalg.norm(first)), 1e-9))
    return float(np.median(changes)) < STEADY_CHANGE
