"""Room impulse responses: where the direct path is, which files hold them, and one made of decaying noise."""

from dataclasses import dataclass, replace
from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from speakerssl.augment.levels import draw_log_range, draw_range
from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.folders import list_audio
from speakerssl.errors import InputError

MAX_SECONDS = 1.0  # what comes later lies below the noise of any crop


@dataclass(frozen=True)
class Rir:
    """One channel of a room's response: `samples` float32 [L], `direct` the index at which the direct path arrives.

    `place` (file or room, channel) tells responses of one source apart; None: made for this one draw.
    """

    samples: np.ndarray
    direct: int
    place: tuple[int, int] | None = None


def make_rir(samples: np.ndarray) -> Rir:
    """Finds the direct path, cuts the silence before it and the inaudible tail, and scales the direct path to 1.

    The direct path is the first peak of at least half the largest magnitude: in a recorded far-field response a
    reflection may be the largest. The 2.5 ms before it stay, since a fractional delay rings to both sides.

    Raises:
        InputError: a response without any energy, or with NaN.
    """
    samples = np.asarray(samples, dtype=np.float32)
    magnitude = np.abs(samples)
    largest = float(magnitude.max(initial=0.0))
    if not np.isfinite(samples).all() or largest <= 0.0:
        raise InputError("is silent or has NaN samples: no room impulse response")
    first = int(np.argmax(magnitude >= 0.5 * largest))
    direct = first + int(np.argmax(magnitude[first : first + 16]))  # to the top of that peak, within 1 ms
    start = max(0, direct - 40)
    kept = samples[start : direct + int(MAX_SECONDS * SAMPLE_RATE)]
    remaining = np.cumsum((kept.astype(np.float64) ** 2)[::-1])[::-1]
    audible = int(np.count_nonzero(remaining > 1e-5 * remaining[0]))  # the last 50 dB of Schroeder's decay go
    return Rir(kept[:audible] / magnitude[direct], direct - start)


def whole_rir(samples: np.ndarray) -> Rir:
    """The response from its first sample on, scaled to unit energy. Raises InputError where it has none, or NaN."""
    samples = np.asarray(samples, dtype=np.float32)
    energy = float(np.sum(samples.astype(np.float64) ** 2))
    if not np.isfinite(energy) or energy <= 0.0:
        raise InputError("is silent or has NaN samples: no room impulse response")
    return Rir((samples / np.sqrt(energy)).astype(np.float32), 0)


def exponential_rir(
    rng: np.random.Generator, rt60: tuple[float, float] = (0.15, 1.0), drr_db: tuple[float, float] = (-3.0, 15.0)
) -> Rir:
    """Decaying noise behind a direct path: a room's tail without its geometry.

    Args:
        rt60: range of the time in which the tail falls by 60 dB, in seconds.
        drr_db: range of the direct-to-reverberant energy ratio.
    """
    time = draw_log_range(rng, rt60)
    length = int(min(MAX_SECONDS, time) * SAMPLE_RATE)
    gap = int(draw_range(rng, (0.001, 0.008)) * SAMPLE_RATE)
    decay = np.exp(-np.log(1000.0) / (time * SAMPLE_RATE) * np.arange(length))
    tail = rng.standard_normal(length) * decay
    tail[:gap] = 0.0
    tail *= 10.0 ** (-draw_range(rng, drr_db) / 20.0) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return make_rir(tail)


class RirFolder:
    """Recorded or simulated responses from files, read when first drawn: `draw(rng) -> Rir`.

    RIRS_NOISES (Ko et al., 2017) is known by its folders `simulated_rirs` and `real_rirs_isotropic_noises` (of which
    only the files with `rir` in their name are responses); any other folder is taken whole. Of several channels one
    is drawn, other sampling rates are resampled.

    Args:
        keep: responses that are kept once read.
        whole: see `read_rirs`.
        simulated_only: of RIRS_NOISES, only `simulated_rirs`.

    Raises:
        InputError: no such folder, no response in it; later a file that is none.
    """

    def __init__(self, folder: str | Path, keep: int = 2000, whole: bool = False, simulated_only: bool = False) -> None:
        root = Path(folder)
        nested = root / "RIRS_NOISES"
        root = nested if nested.is_dir() else root
        simulated, real = root / "simulated_rirs", root / "real_rirs_isotropic_noises"
        if simulated.is_dir() or real.is_dir():
            self.files = list_audio(simulated) if simulated.is_dir() else []
            if real.is_dir() and not simulated_only:
                self.files += [path for path in list_audio(real) if "rir" in path.name.lower()]
        else:
            self.files = list_audio(root)
        if not self.files:
            raise InputError(f"{root}: holds no room impulse response")
        self._keep, self._whole = keep, whole
        self._read: dict[int, list[Rir]] = {}

    def __len__(self) -> int:
        return len(self.files)

    def draw(self, rng: np.random.Generator) -> Rir:
        """One channel of one file, each equally likely."""
        channels = self.channels(int(rng.integers(len(self.files))))
        return channels[int(rng.integers(len(channels)))]

    def channels(self, index: int) -> list[Rir]:
        """All channels of the file of that index."""
        if index not in self._read:
            if len(self._read) >= self._keep:
                self._read.pop(next(iter(self._read)))
            rirs = read_rirs(self.files[index], self._whole)
            self._read[index] = [replace(rir, place=(index, channel)) for channel, rir in enumerate(rirs)]
        return self._read[index]


def read_rirs(path: str | Path, whole: bool = False) -> list[Rir]:
    """Every channel of an audio file as a response at 16 kHz.

    `whole` leaves a response as it is, its delay included, at unit energy; otherwise see `make_rir`. Raises InputError
    naming the file.
    """
    import soundfile

    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: is not audio that can be read: {error}") from None
    if rate != SAMPLE_RATE:
        common = gcd(rate, SAMPLE_RATE)
        samples = resample_poly(samples, SAMPLE_RATE // common, rate // common, axis=0)
    try:
        return [whole_rir(channel) if whole else make_rir(channel) for channel in samples.T]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
