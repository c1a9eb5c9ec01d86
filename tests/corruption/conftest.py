"""The waves of the augmentation tests serve here too."""

from tests.augment.conftest import make_audio, real_speech, rng, wave

__all__ = ["make_audio", "real_speech", "rng", "wave"]
