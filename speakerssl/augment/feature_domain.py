"""Augmentation of log-mel features, batched on [B, T, F]: cheap enough for every step, where waves would not be.

Powers of independent sounds add in every mel bin, so noise is mixed as `logaddexp(speech, noise + gain)` and an
equalizer is a curve added to the speech before it. What is lost against mixing waves is their phase: single cells
deviate, by cross terms of zero mean (tested). Features must be log-mel power **before** mean normalization.

SNRs are of mean mel power over the crop, thus after pre-emphasis: high frequencies weigh more than in a wave's SNR.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from speakerssl.augment.feature_sounds import (
    NEPERS_PER_DB,
    Draw,
    add_at_snr,
    babble,
    coloured,
    limit_band,
    smooth_curve,
    stretches,
)
from speakerssl.errors import InputError
from speakerssl.option_types import FloatRange, IntRange
from speakerssl.options import read_options


@dataclass(frozen=True)
class FeatureNoise:
    """A random channel for every item: `aug(feats [B, T, F], generator, noise=None) -> [B, T, F]`.

    Args:
        noise_prob: chance of noise: from `noise` where it is given, else stationary of random colour.
        noise_snr: range in dB.
        babble_prob: chance of babble: the sum of other items of the batch.
        babble_snr: range in dB.
        babble_voices: how many other items (fewest, most).
        tilt_prob: chance of a smooth random equalizer.
        tilt_db: its bound in dB, to both sides.
        band_prob: chance that the bins above (or below) a random one are cut off.
        band_keep: least share of the bins that stays.
        band_depth_db: how far the floor in the cut bins lies below the item's mean power, at least.
    """

    noise_prob: float = 0.5
    noise_snr: FloatRange = (3.0, 25.0)
    babble_prob: float = 0.2
    babble_snr: FloatRange = (8.0, 20.0)
    babble_voices: IntRange = (3, 7)
    tilt_prob: float = 0.7
    tilt_db: float = 10.0
    band_prob: float = 0.2
    band_keep: float = 0.6
    band_depth_db: float = 40.0

    def __post_init__(self) -> None:
        for name in ("noise_prob", "babble_prob", "tilt_prob", "band_prob", "band_keep"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"views.feature_noise.{name}: {getattr(self, name)} is not between 0 and 1")

    def __call__(self, feats: Tensor, generator: torch.Generator | None = None, noise: Tensor | None = None) -> Tensor:
        """`noise` [M, T', F] holds log-mel features of noises; every item takes a random stretch of a random one."""
        draw = Draw(feats, generator)
        frames, bins = feats.shape[1:]
        powers = feats.float()
        if self.tilt_prob:
            tilted = draw.rand(draw.batch, 1) < self.tilt_prob
            # Before the noise: mean normalization would undo a curve that lies over both.
            powers = powers + (NEPERS_PER_DB * tilted * smooth_curve(draw, draw.batch, bins, self.tilt_db))[:, None, :]
        powers = powers.exp()
        babbled = draw.chosen(self.babble_prob if draw.batch > 1 else 0.0)
        if len(babbled):
            add_at_snr(powers, babbled, babble(powers, babbled, draw, self.babble_voices), draw, self.babble_snr)
        noisy = draw.chosen(self.noise_prob)
        if len(noisy) and noise is None:
            add_at_snr(powers, noisy, coloured(draw, len(noisy), frames, bins), draw, self.noise_snr)
        elif len(noisy) and noise is not None:
            add_at_snr(powers, noisy, stretches(noise, len(noisy), frames, draw).exp(), draw, self.noise_snr)
        limited = draw.chosen(self.band_prob)
        if len(limited):
            powers[limited] = limit_band(powers[limited], draw, self.band_keep, self.band_depth_db)
        return powers.clamp_(min=1e-10).log_().to(feats.dtype)


def build_feature_noise(config: Mapping[str, Any]) -> FeatureNoise | None:
    """From `views.feature_noise`; None for an empty one. Raises InputError for an unknown key or a wrong value."""
    if not config:
        return None
    return read_options(FeatureNoise, config, "views.feature_noise")


def mix_at_snr(speech: Tensor, noise: Tensor, snr_db: Tensor | float) -> Tensor:
    """Log-mel of the sum: `speech` and `noise` [B, T, F], `snr_db` [B] or one number; mean powers over T and F."""
    gain = (
        mean_log_power(speech) - mean_log_power(noise) - NEPERS_PER_DB * torch.as_tensor(snr_db, device=speech.device)
    )
    return torch.logaddexp(speech, noise + gain.to(speech.dtype)[:, None, None])


def mean_log_power(feats: Tensor) -> Tensor:
    """Log of the mean mel power of each item: [B, T, F] to [B]."""
    cells = feats.shape[1] * feats.shape[2]
    return torch.logsumexp(feats.flatten(1), dim=1) - torch.log(torch.tensor(float(cells)))
