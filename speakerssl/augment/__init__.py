"""Augmentations on waveforms: float32 [S] in the int16 range and a numpy generator in, the same length out.

No torch here: `specaugment` and `feature_domain`, which work on batches of features, are imported by themselves.
"""

from speakerssl.augment.augment_config import PRESETS
from speakerssl.augment.band import BandLimit, Telephone
from speakerssl.augment.chain import Augmenter, build_augmenter
from speakerssl.augment.codec import Codec
from speakerssl.augment.equalizer import Equalizer
from speakerssl.augment.levels import Clip, Gain
from speakerssl.augment.noise import AdditiveNoise, Babble, Voices
from speakerssl.augment.pool import AudioPool, PiecePool
from speakerssl.augment.reverb import Reverb
from speakerssl.augment.rir import Rir, RirFolder
from speakerssl.augment.rooms import RoomBank
from speakerssl.augment.speed import Speed

__all__ = [
    "PRESETS",
    "AdditiveNoise",
    "AudioPool",
    "Augmenter",
    "Babble",
    "BandLimit",
    "Clip",
    "Codec",
    "Equalizer",
    "Gain",
    "PiecePool",
    "Reverb",
    "Rir",
    "RirFolder",
    "RoomBank",
    "Speed",
    "Telephone",
    "Voices",
    "build_augmenter",
]
