"""Noises and rooms of the held-out channels, with the name of what was drawn; none of these kinds trains."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from speakerssl.augment.levels import draw_log_range, draw_range, mix_at_snr, power
from speakerssl.augment.pool import AudioPool
from speakerssl.augment.reverb import reverberate
from speakerssl.augment.rir import Rir, RirFolder, exponential_rir
from speakerssl.constants import SAMPLE_RATE
from speakerssl.corruption.filters import Effect

Range = tuple[float, float]


def recorded_noise(files: Sequence[Path], root: Path, snr: Range) -> Effect:
    """A stretch of a random file at a random ratio; silent stretches are drawn again."""
    pool = AudioPool(files, name="held-out noise")

    def effect(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        for _ in range(20):
            index = int(rng.integers(len(files)))
            noise = pool.stretch(index, rng, len(wave))
            if power(noise) > 1.0:  # above the dither of 16 bits
                break
        return _mixed(wave, noise, rng, snr, files[index].relative_to(root).with_suffix("").as_posix())

    return effect


def sirens(snr: Range) -> Effect:
    """Two to five tones with wandering pitch, switched on and off: alarms, machines, music from next door."""

    def effect(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        time = np.arange(len(wave)) / SAMPLE_RATE
        noise = np.zeros(len(wave))
        for _ in range(int(rng.integers(2, 6))):
            centre, depth = draw_log_range(rng, (150.0, 4000.0)), draw_range(rng, (0.0, 0.6))
            pitch = centre * (1.0 + depth * np.sin(2.0 * np.pi * draw_range(rng, (0.2, 6.0)) * time))
            tone = np.sin(2.0 * np.pi * np.cumsum(pitch) / SAMPLE_RATE)
            gate = np.sin(2.0 * np.pi * draw_range(rng, (0.3, 4.0)) * time + rng.uniform(0.0, 6.3))
            noise += tone * (1.0 / (1.0 + np.exp(-20.0 * (gate + 0.5))))
        noise += 0.3 * lfilter([1.0], [1.0, -0.9], rng.standard_normal(len(wave)))
        return _mixed(wave, noise.astype(np.float32), rng, snr, "sirens")

    return effect


def resonances(snr: Range) -> Effect:
    """White noise through one to four narrow resonances, swelling slowly: fans, wind, engines."""

    def effect(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        excitation = rng.standard_normal(len(wave))
        noise = 0.1 * excitation
        for _ in range(int(rng.integers(1, 5))):
            angle = 2.0 * np.pi * draw_log_range(rng, (80.0, 6000.0)) / SAMPLE_RATE
            radius = draw_range(rng, (0.9, 0.995))
            peak = lfilter([1.0], [1.0, -2.0 * radius * np.cos(angle), radius**2], excitation)
            noise += peak / np.sqrt(np.mean(peak**2))
        swell = np.sin(2.0 * np.pi * draw_range(rng, (0.05, 1.0)) * np.arange(len(wave)) / SAMPLE_RATE)
        noise *= 10.0 ** (draw_range(rng, (0.0, 8.0)) * swell / 20.0)
        return _mixed(wave, noise.astype(np.float32), rng, snr, "resonances")

    return effect


def recorded_room(folder: Path) -> Effect:
    """A random channel of a random response in `folder`."""
    rirs = RirFolder(folder)

    def effect(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        index = int(rng.integers(len(rirs)))
        channels = rirs.channels(index)
        rir = channels[int(rng.integers(len(channels)))]
        return reverberate(wave, rir), f"room={rirs.files[index].stem}"

    return effect


def simulated_rooms(rirs: Sequence[Rir], name: str) -> Effect:
    """A random one of `rirs`."""

    def effect(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        index = int(rng.integers(len(rirs)))
        return reverberate(wave, rirs[index]), f"room={name}{index:02d}"

    return effect


def decaying_room(wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Exponentially decaying noise as the room."""
    return reverberate(wave, exponential_rir(rng, (0.2, 0.9), (-5.0, 10.0))), "room=decay"


def _mixed(
    wave: np.ndarray, noise: np.ndarray, rng: np.random.Generator, snr: Range, name: str
) -> tuple[np.ndarray, str]:
    ratio = draw_range(rng, snr)
    return mix_at_snr(wave, noise, ratio), f"noise={name}@{ratio:.1f}dB"
