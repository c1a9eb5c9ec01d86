"""The sections of an augmentation configuration: their options and what is built from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.augment.band import BandLimit, Telephone
from speakerssl.augment.codec import MU_LAW, Codec
from speakerssl.augment.equalizer import Equalizer
from speakerssl.augment.levels import Clip, Gain
from speakerssl.augment.noise import AdditiveNoise, Babble, NoiseSource, noise_sources
from speakerssl.augment.reverb import Reverb, RirSource
from speakerssl.augment.rir import RirFolder, whole_rir
from speakerssl.augment.rooms import RoomBank
from speakerssl.augment.speed import Speed
from speakerssl.errors import InputError
from speakerssl.option_types import FloatRange, IntRange
from speakerssl.options import check_range

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Context:
    """What the sections share: where voices come from, where rooms are kept, the seed of the rooms."""

    babble: NoiseSource | None
    cache_dir: Path | None
    seed: int


@dataclass(frozen=True)
class Section:
    prob: float = 1.0  # chance that a crop gets it

    def __post_init__(self) -> None:
        if not 0.0 <= self.prob <= 1.0:
            raise InputError(f"augment.{self._name()}.prob: {self.prob:g} is no probability from 0 to 1")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                check_range(f"augment.{self._name()}.{field.name}", value, 0.0)

    @classmethod
    def _name(cls) -> str:
        return cls.__name__.removesuffix("Section").lower()


@dataclass(frozen=True)
class SpeedSection(Section):
    factors: tuple[float, ...] = (0.9, 1.0, 1.1)
    per_view: bool = False  # false: one factor for all views of a recording


@dataclass(frozen=True)
class ReverbSection(Section):
    folder: str | None = None  # RIRS_NOISES or any folder of responses; null: simulated rooms
    rooms: int = 500  # how many are simulated
    early_only: float = 0.0
    simulated_only: bool = False  # of RIRS_NOISES, leave the recorded responses out
    whole_response: bool = False  # unit energy, its delay kept, the level of the result left as it comes out


@dataclass(frozen=True)
class NoiseSection(Section):
    folder: str | None = None  # MUSAN or any folder of audio; null: synthetic noise
    categories: tuple[str, ...] | None = None  # of MUSAN; null: all that are there
    snr: FloatRange | Mapping[str, FloatRange] | None = None  # dB: one range, or category to range
    voices: IntRange = (3, 7)  # of MUSAN's speech that are added up; [1, 1]: one file as it is
    piece_seconds: float | None = None  # draw pieces of this length, each equally likely; null: files
    snr_floor: float = 0.0  # added to both powers of samples in [-1, 1] before their ratio is set
    memory_mb: float = 256.0  # bound of the decoded noise that is kept


@dataclass(frozen=True)
class BabbleSection(Section):
    snr: FloatRange = (13.0, 20.0)
    voices: IntRange = (3, 7)
    snr_per_voice: bool = False


@dataclass(frozen=True)
class EqualizerSection(Section):
    gain_db: float = 10.0
    tilt_db: float = 2.0
    bells: int = 4


@dataclass(frozen=True)
class BandSection(Section):
    low_pass: FloatRange = (2500.0, 7500.0)
    high_pass: FloatRange = (60.0, 500.0)


@dataclass(frozen=True)
class TelephoneSection(Section):
    low: FloatRange = (200.0, 350.0)
    high: FloatRange = (3200.0, 3700.0)
    mu_law: float = 0.5


@dataclass(frozen=True)
class CodecSection(Section):
    kinds: tuple[str, ...] = (MU_LAW, "ima_adpcm", "vorbis")


@dataclass(frozen=True)
class GainSection(Section):
    gain_db: FloatRange = (-20.0, 6.0)


@dataclass(frozen=True)
class ClipSection(Section):
    level_db: FloatRange = (-15.0, -3.0)


def _reverb(options: ReverbSection, context: Context) -> Augmentation:
    if options.folder is not None:
        whole, only = options.whole_response, options.simulated_only
        source: RirSource = RirFolder(options.folder, whole=whole, simulated_only=only)
    else:
        cache = context.cache_dir
        path = None if cache is None else cache / f"rooms-{options.rooms}-{context.seed}.npz"
        bank = RoomBank.simulate(options.rooms, context.seed, path)
        source = RoomBank([whole_rir(rir.samples) for rir in bank.rirs]) if options.whole_response else bank
    return Reverb(source, options.early_only, keep_power=not options.whole_response)


def _noise(options: NoiseSection, context: Context) -> Augmentation:
    sources = noise_sources(
        options.folder, options.memory_mb, options.categories, options.voices, options.piece_seconds
    )
    snr = options.snr
    if snr is not None and not isinstance(snr, Mapping):
        snr = dict.fromkeys(sources, snr)
    return AdditiveNoise(sources, snr, options.snr_floor)


def _babble(options: BabbleSection, context: Context) -> Augmentation:
    if context.babble is None:
        raise InputError("augment.babble: needs other recordings to draw voices from, and none were given")
    return Babble(context.babble, options.snr, options.voices, options.snr_per_voice)


# In this order, the way from mouth to file.
SECTIONS: dict[str, tuple[type[Section], Callable[[Any, Context], Augmentation]]] = {
    "speed": (SpeedSection, lambda o, _: Speed(o.factors, o.per_view)),
    "reverb": (ReverbSection, _reverb),
    # Before the noise, whose colour is drawn anyway: under mean normalization a curve over both would do nothing.
    "equalizer": (EqualizerSection, lambda o, _: Equalizer(o.gain_db, o.tilt_db, o.bells)),
    "babble": (BabbleSection, _babble),
    "noise": (NoiseSection, _noise),
    "band": (BandSection, lambda o, _: BandLimit(o.low_pass, o.high_pass)),
    "telephone": (TelephoneSection, lambda o, _: Telephone(o.low, o.high, o.mu_law)),
    "codec": (CodecSection, lambda o, _: Codec(o.kinds)),
    "gain": (GainSection, lambda o, _: Gain(o.gain_db)),
    "clip": (ClipSection, lambda o, _: Clip(o.level_db)),
}

# Named chains. `none` does nothing; `paper` and `strong` work without any corpus on the machine.
#
# `paper`: noise and reverberation on every crop, as Lepage and Dehak (2023) have it, but in this order, at the power of
# the input, and with sums of voices: `sslsv` is theirs to the letter.
# `sslsv`: MUSAN in pieces of 8 s, then a simulated room at unit energy, on every crop; for `noise: {folder: MUSAN}` and
# `reverb: {folder: RIRS_NOISES}`. Without them noise and rooms are synthetic.
# `3dspeaker`: a room, a noise, both or neither, as often as in RDINO's and SDPN's code.
# `strong`: for corpora with one session a speaker, where two views must not share a channel. The room, the colour and
# the band of every crop are drawn anew. Opus, GSM, A-law and MP3 are left to the held-out channels of the evaluation.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "paper": {
        "reverb": {"prob": 1.0},
        "noise": {"prob": 1.0},
    },
    "sslsv": {
        "noise": {
            "prob": 1.0,
            "snr": {"noise": [0, 15], "speech": [13, 20], "music": [5, 15]},
            "voices": [1, 1],
            "piece_seconds": 8.0,
            "snr_floor": 1e-4,
        },
        "reverb": {"prob": 1.0, "simulated_only": True, "whole_response": True},
        "order": ["noise", "reverb"],
    },
    "3dspeaker": {
        "reverb": {"simulated_only": True, "whole_response": True},
        "noise": {"snr": {"noise": [0, 15], "speech": [13, 20], "music": [5, 15]}, "voices": [1, 1]},
        "order": ["reverb", "noise"],
        "choose": {"none": 4, "reverb": 3, "noise": 9, "reverb+noise": 8},
    },
    "strong": {
        "reverb": {"prob": 0.7},
        "babble": {"prob": 0.25},
        "noise": {"prob": 0.7, "snr": {"noise": [0, 20]}},
        "equalizer": {"prob": 0.8},
        "band": {"prob": 0.2},
        "telephone": {"prob": 0.2},
        "codec": {"prob": 0.1},
        "clip": {"prob": 0.05},
    },
}
