"""A bank of simulated rooms: early reflections by the image-source method, the rest as a matched decaying tail.

Image sources of order k cost k^3, yet the ear and an encoder hear single reflections only for the first tens of
milliseconds. So images are followed to a low order and, from where they become incomplete, noise goes on that decays
with the room's RT60 at the level of the images before it; its treble decays faster, as air and walls do it.
"""

import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from speakerssl.augment.levels import draw_log_range, draw_range
from speakerssl.augment.rir import Rir, exponential_rir, make_rir
from speakerssl.constants import SAMPLE_RATE
from speakerssl.errors import InputError
from speakerssl.io import atomic_path, progress

SOUND_SPEED = 343.0
Range = tuple[float, float]
_VERSION = 1


@dataclass(frozen=True)
class RoomRanges:
    """Of what sizes and decays rooms are drawn; metres and seconds."""

    length: Range = (3.0, 10.0)
    width: Range = (2.5, 8.0)
    height: Range = (2.3, 4.0)
    rt60: Range = (0.15, 1.0)
    distance: Range = (0.3, 5.0)  # from mouth to microphone
    max_order: int = 10


class RoomBank:
    """Responses that were simulated once: `draw(rng) -> Rir`, each equally likely."""

    def __init__(self, rirs: list[Rir]) -> None:
        if not rirs:
            raise InputError("reverb.rooms: at least one room is needed")
        self.rirs = [replace(rir, place=(number, 0)) for number, rir in enumerate(rirs)]

    def __len__(self) -> int:
        return len(self.rirs)

    def draw(self, rng: np.random.Generator) -> Rir:
        return self.rirs[int(rng.integers(len(self.rirs)))]

    @classmethod
    def simulate(
        cls, n: int, seed: int, path: str | Path | None = None, ranges: RoomRanges | None = None
    ) -> "RoomBank":
        """`n` rooms drawn from `seed`; read from `path` (.npz) when it holds just these, else made and written there.

        Raises InputError when `path` is a file of something else. Without pyroomacoustics the responses are decaying
        noise (`exponential_rir`) of the same RT60.
        """
        ranges = ranges or RoomRanges()
        simulate = _simulator()
        kind = "image" if simulate is _image_rir else "exponential"
        stamp = f"rooms-{_VERSION} {kind} n={n} seed={seed} {sorted(asdict(ranges).items())}"
        if path is not None and (bank := cls._load(Path(path), stamp)):
            return bank
        seeds = np.random.SeedSequence([seed, 0x5200]).spawn(n)
        rirs = [simulate(np.random.default_rng(child), ranges) for child in progress(seeds, n, "simulating rooms")]
        if path is not None:
            with atomic_path(path) as temporary:
                np.savez(
                    temporary,
                    stamp=np.array(stamp),
                    samples=np.concatenate([rir.samples for rir in rirs]),
                    ends=np.cumsum([len(rir.samples) for rir in rirs]),
                    direct=np.array([rir.direct for rir in rirs]),
                )
        return cls(rirs)

    @classmethod
    def _load(cls, path: Path, stamp: str) -> "RoomBank | None":
        if not path.exists():
            return None
        try:
            with np.load(path) as stored:
                if "stamp" not in stored:
                    raise InputError(f"{path}: is no bank of rooms; remove it or name another file")
                if str(stored["stamp"]) != stamp:
                    return None
                pieces = np.split(stored["samples"], stored["ends"][:-1])
                return cls([Rir(piece, int(direct)) for piece, direct in zip(pieces, stored["direct"])])
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            raise InputError(f"{path}: is no bank of rooms; remove it or name another file") from None


def _simulator() -> Callable[[np.random.Generator, RoomRanges], Rir]:
    try:
        import pyroomacoustics  # noqa: F401
    except ImportError:
        return _noise_rir
    return _image_rir


def _noise_rir(rng: np.random.Generator, ranges: RoomRanges) -> Rir:
    return exponential_rir(rng, ranges.rt60)


def _image_rir(rng: np.random.Generator, ranges: RoomRanges) -> Rir:
    import pyroomacoustics as pra

    size = np.array([draw_range(rng, r) for r in (ranges.length, ranges.width, ranges.height)])
    rt60 = draw_log_range(rng, ranges.rt60)
    volume, surface = float(np.prod(size)), 2.0 * float(size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    absorption = 1.0 - np.exp(-0.161 * volume / (surface * rt60))  # Eyring: attainable for every RT60
    source, microphone = _positions(rng, size, ranges.distance)
    pra.constants.set("num_threads", 1)  # the sum's order, and so its last bit, must not depend on the machine's load
    room = pra.ShoeBox(size, fs=SAMPLE_RATE, materials=pra.Material(float(absorption)), max_order=ranges.max_order)
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    images = np.asarray(room.rir[0][0], dtype=np.float64)
    # The shortest path that `max_order` walls do not cover bounces across the smallest dimension.
    complete = int(ranges.max_order * size.min() / SOUND_SPEED * SAMPLE_RATE)
    return make_rir(_with_tail(images, complete, rt60, rng))


def _positions(rng: np.random.Generator, size: np.ndarray, distance: Range) -> tuple[np.ndarray, np.ndarray]:
    """Source and microphone, at least 0.3 m from every wall and `distance` apart (the nearest of 50 tries)."""
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    wanted = draw_log_range(rng, distance)
    for _ in range(50):
        source, microphone = rng.uniform(0.3, size - 0.3), rng.uniform(0.3, size - 0.3)
        error = abs(float(np.linalg.norm(source - microphone)) - wanted)
        if best is None or error < best[0]:
            best = error, source, microphone
    assert best is not None
    return best[1], best[2]


def _with_tail(images: np.ndarray, complete: int, rt60: float, rng: np.random.Generator) -> np.ndarray:
    """`images` up to sample `complete`, then noise that decays with `rt60`; a cross-fade of 5 ms between."""
    fade, window = 80, 400  # 5 and 25 ms
    complete = min(complete, len(images) - fade)
    level = np.sqrt(np.mean(images[max(0, complete - window) : complete] ** 2))
    samples = int(min(1.2, 1.2 * rt60) * SAMPLE_RATE) + fade
    decay = np.log(1000.0) / (rt60 * SAMPLE_RATE)
    time = np.arange(samples) + window / 2.0  # the level was measured in the middle of the window
    bass, treble = _split(rng.standard_normal(samples))
    tail = bass * np.exp(-decay * time) + treble * np.exp(-decay / draw_range(rng, (0.4, 0.9)) * time)
    result = np.zeros(complete + samples)
    result[: complete + fade] = images[: complete + fade]
    ramp = np.sin(np.linspace(0.0, np.pi / 2.0, fade))
    result[complete : complete + fade] *= ramp[::-1]
    tail[:fade] *= ramp
    result[complete:] += level * tail
    return result


def _split(noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parts below and above about 2 kHz that add up to `noise`."""
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(len(noise), 1.0 / SAMPLE_RATE)
    bass = np.fft.irfft(spectrum / (1.0 + (hz / 2000.0) ** 4), len(noise))
    return bass, noise - bass
