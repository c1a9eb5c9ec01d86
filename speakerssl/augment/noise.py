"""Additive noise and babble at a random signal-to-noise ratio.

MUSAN (Snyder et al., 2015) is read by its folders `noise`, `speech` and `music`; any other folder of audio is one
category, `noise`. The ranges are those of the VoxCeleb recipes: noise 0-15, speech 13-20, music 5-15 dB.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from speakerssl.augment.levels import draw_range, mix_at_snr, power, snr_gain
from speakerssl.augment.pool import AudioPool, PiecePool
from speakerssl.augment.synthetic_noise import SyntheticNoise
from speakerssl.data.folders import list_audio
from speakerssl.errors import InputError

SnrRange = tuple[float, float]
SNR_RANGES: dict[str, SnrRange] = {"noise": (0.0, 15.0), "speech": (13.0, 20.0), "music": (5.0, 15.0)}
MUSAN_CATEGORIES = ("noise", "speech", "music")


class NoiseSource(Protocol):
    """Anything that draws noise of some length: a pool of recordings, a synthesizer, the training set itself."""

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """float32 [samples], of any level."""


class AdditiveNoise:
    """Adds one random category of noise: `aug(wave [S], rng) -> [S]`.

    Args:
        sources: category to source, each category equally likely.
        snr: category to (low, high) in dB; a category that is not there takes `SNR_RANGES`, then 0-15.
        floor: see `levels.snr_gain`.

    The ratio is of the mean squares over the S samples. A silent wave or a silent stretch of noise adds nothing,
    unless there is a floor.
    """

    def __init__(
        self, sources: Mapping[str, NoiseSource], snr: Mapping[str, SnrRange] | None = None, floor: float = 0.0
    ) -> None:
        if not sources:
            raise InputError("additive noise needs at least one source")
        self.sources, self.floor = dict(sources), floor
        self._names = sorted(sources)
        self.snr = {name: (snr or {}).get(name, SNR_RANGES.get(name, (0.0, 15.0))) for name in self._names}

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        name = self._names[int(rng.integers(len(self._names)))]
        noise = self.sources[name].draw(rng, len(wave))
        return mix_at_snr(wave, noise, draw_range(rng, self.snr[name]), self.floor)


class Voices:
    """Babble: the sum of several random stretches of speech at equal power, as one noise source.

    Args:
        source: draws one voice.
        count: how many voices, both ends included.
    """

    def __init__(self, source: NoiseSource, count: tuple[int, int] = (3, 7)) -> None:
        self.source, self.count = source, count

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """float32 [samples] of mean square about 1."""
        total = np.zeros(samples, dtype=np.float32)
        for _ in range(int(rng.integers(self.count[0], self.count[1] + 1))):
            voice = self.source.draw(rng, samples)
            total += voice * np.float32(1.0 / np.sqrt(max(power(voice), 1e-6)))
        return total


class Babble:
    """Adds 3 to 7 other recordings: `aug(wave [S], rng) -> [S]`.

    Args:
        source: draws one voice of `samples`; usually an `AudioPool` of the training recordings.
        snr: (low, high) in dB.
        count: number of voices, both ends included.
        snr_per_voice: each voice is put at the ratio, as the VoxCeleb recipes do (so that five voices together lie
            7 dB nearer), rather than their sum.
    """

    def __init__(
        self,
        source: NoiseSource,
        snr: SnrRange = SNR_RANGES["speech"],
        count: tuple[int, int] = (3, 7),
        snr_per_voice: bool = False,
    ) -> None:
        self.source, self.snr, self.count, self.snr_per_voice = source, snr, count, snr_per_voice
        self._voices = Voices(source, count)

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if not self.snr_per_voice:
            return mix_at_snr(wave, self._voices.draw(rng, len(wave)), draw_range(rng, self.snr))
        mixed = wave.copy()
        for _ in range(int(rng.integers(self.count[0], self.count[1] + 1))):
            voice = self.source.draw(rng, len(wave))
            mixed += np.float32(snr_gain(wave, voice, draw_range(rng, self.snr))) * voice
        return mixed


def noise_sources(
    folder: str | Path | None,
    memory_mb: float = 256.0,
    categories: Sequence[str] | None = None,
    voices: tuple[int, int] = (3, 7),
    piece_seconds: float | None = None,
) -> dict[str, NoiseSource]:
    """Category to source: MUSAN's three, one `noise` for any other folder, synthetic noise for None.

    `speech` of MUSAN is a sum of `voices` recordings; (1, 1) takes it as it is. With `piece_seconds` what is drawn is
    a piece of that length, see `PiecePool`. Raises InputError for a missing or empty folder or a category that
    the folder lacks.
    """
    found: dict[str, NoiseSource] = {"noise": SyntheticNoise()}
    if folder is not None:
        root = Path(folder)
        nested = root / "musan"
        root = nested if nested.is_dir() else root
        present = [name for name in MUSAN_CATEGORIES if (root / name).is_dir()]
        if "speech" in present or "music" in present:
            share = memory_mb / len(present)
            pools = {name: _pool(root / name, share, f"noise.{name}", piece_seconds) for name in present}
            several = voices != (1, 1)
            found = {
                name: Voices(pool, voices) if name == "speech" and several else pool for name, pool in pools.items()
            }
        else:
            found = {"noise": _pool(root, memory_mb, "noise", piece_seconds)}
    if categories is None:
        return found
    missing = [name for name in categories if name not in found]
    if missing:
        raise InputError(f"noise.categories: '{missing[0]}' is not in {folder}; there: {', '.join(sorted(found))}")
    return {name: found[name] for name in categories}


def _pool(folder: Path, memory_mb: float, name: str, piece_seconds: float | None) -> AudioPool:
    files = list_audio(folder)
    if piece_seconds is None:
        return AudioPool(files, memory_mb, name)
    return PiecePool(files, piece_seconds, memory_mb, name)
