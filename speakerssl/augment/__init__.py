"""Augmentations on waveforms: float32 [S] in the int16 range and a numpy generator in, the same length out.

No torch here: `specaugment` and `feature_domain`, which work on batches of features, are imported by themselves.
"""

from speakerssl.augment.augment_config import PRESETS
from speakerssl.augment.chain import Augmenter, build_augmenter
from speakerssl.augment.pool import AudioPool

__all__ = ["PRESETS", "AudioPool", "Augmenter", "build_augmenter"]
