"""Filters of the held-out channels: recursive and linear-phase, where training only uses smooth zero-phase ones.

Each is `effect(wave [S], rng) -> (wave [S], what was done)`, in step with its input up to the filter's own phase.
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import ellip, firwin2, lfilter, oaconvolve, sosfilt

from speakerssl.augment.codec import KINDS, round_trip
from speakerssl.augment.levels import draw_log_range, draw_range, match_power
from speakerssl.constants import SAMPLE_RATE

Effect = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, str]]


def steep_fir(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A linear-phase FIR of 511 taps through 8 to 20 independent levels of +-10 dB: jagged as a cheap microphone."""
    knots = int(rng.integers(8, 21))
    inner = np.sort(rng.uniform(60.0, 7900.0, knots))
    levels = 10.0 ** (rng.uniform(-10.0, 10.0, knots + 2) / 20.0)
    taps = firwin2(511, np.concatenate([[0.0], inner, [SAMPLE_RATE / 2]]), levels, fs=SAMPLE_RATE)
    filtered = oaconvolve(wave, taps.astype(np.float32))[255 : 255 + len(wave)]
    return match_power(filtered.astype(np.float32), wave), f"fir{knots}"


def peaking(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A cascade of 3 to 8 resonant peaking biquads (the Audio EQ cookbook's), Q 1 to 8, +-10 dB."""
    count = int(rng.integers(3, 9))
    sections = np.array(
        [
            peaking_biquad(draw_log_range(rng, (100.0, 7000.0)), draw_range(rng, (-10, 10)), draw_range(rng, (1, 8)))
            for _ in range(count)
        ]
    )
    return match_power(sosfilt(sections, wave).astype(np.float32), wave), f"peaking{count}"


def peaking_biquad(frequency: float, gain_db: float, q: float) -> np.ndarray:
    """One second-order section [6] with `gain_db` at `frequency` Hz and 0 dB far from it."""
    amplitude, omega = 10.0 ** (gain_db / 40.0), 2.0 * np.pi * frequency / SAMPLE_RATE
    alpha, cosine = np.sin(omega) / (2.0 * q), np.cos(omega)
    numerator = [1.0 + alpha * amplitude, -2.0 * cosine, 1.0 - alpha * amplitude]
    denominator = [1.0 + alpha / amplitude, -2.0 * cosine, 1.0 - alpha / amplitude]
    return np.array(numerator + denominator) / denominator[0]


def comb_and_shelf(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A desk's reflection (0.3 to 3 ms, a comb in the spectrum) and a first-order slope of either sign."""
    delay = int(draw_log_range(rng, (5.0, 48.0)))
    strength, slope = draw_range(rng, (0.3, 0.8)), draw_range(rng, (-0.8, 0.8))
    taps = np.zeros(delay + 1)
    taps[0], taps[delay] = 1.0, strength * (1.0 if rng.random() < 0.5 else -1.0)
    filtered = lfilter(np.convolve(taps, [1.0, slope]), [1.0, -0.5 * slope], wave)
    return match_power(filtered.astype(np.float32), wave), f"comb{delay}"


def telephone_line(codec: str) -> Effect:
    """The telephone band by an elliptic filter (60 dB, with an elliptic's phase) and a codec of 8 kHz telephony."""

    def effect(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        low, high = draw_range(rng, (250.0, 400.0)), draw_range(rng, (3000.0, 3500.0))
        sections = ellip(6, 0.5, 60.0, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos")
        band = match_power(sosfilt(sections, wave).astype(np.float32), wave)
        return round_trip(band, codec)[0], f"telephone-{codec}"

    return effect


def codec_effect(kind: str) -> Effect:
    """A codec at a random low rate."""

    def effect(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        levels = KINDS[kind].levels
        level = None if levels is None else round(draw_range(rng, levels), 3)
        return round_trip(wave, kind, level)[0], kind if level is None else f"{kind}-{level:g}"

    return effect
