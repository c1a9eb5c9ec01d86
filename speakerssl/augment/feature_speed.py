"""Speed perturbation of stored log-mel features: another speed is another voice, without decoding anything again.

A recording that is played `s` times as fast has at frequency f what was at f / s, and lasts 1 / s as long (Ko et al.,
2015). On log-mel energies that is a reading of other bins and other frames. What is lost against a change of the wave:
filters keep their width, so harmonics that a filter told apart stay apart, and a slower recording has nothing above the
old band, where the last bin is repeated. All views of a recording are read at one speed, as `augment.speed` plays them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.features.mel import centre_frequencies
from speakerssl.features.options import FbankOptions

LOWEST, HIGHEST = 0.5, 2.0


class FeatureSpeed:
    """Draws a speed for a recording, and reads its log-mel features at it.

    Args:
        features: the `features` section of a configuration, of kind `fbank`.
        speeds: lowest and highest; speeds are drawn evenly on a logarithmic scale.

    Raises:
        InputError: features that are not log-mel energies, or speeds outside 0.5 to 2.
    """

    def __init__(self, features: Mapping[str, Any], speeds: tuple[float, float]) -> None:
        options = FeatureFrontend(features).raw.options
        if not isinstance(options, FbankOptions) or options.use_energy:
            raise InputError("views.feature_speed: needs features of kind fbank, without use_energy")
        if not LOWEST <= speeds[0] <= speeds[1] <= HIGHEST:
            raise InputError(f"views.feature_speed: {list(speeds)} must lie from {LOWEST:g} to {HIGHEST:g}")
        self.speeds = speeds
        self.centres = centre_frequencies(options).double().numpy()

    def draw(self, rng: np.random.Generator) -> float:
        """A speed for one recording."""
        low, high = np.log(self.speeds)
        return float(np.exp(rng.uniform(low, high)))

    @staticmethod
    def reach(speed: float, count: int) -> int:
        """How many frames are read for `count` of them at `speed`."""
        return int((count - 1) * speed) + 1

    def __call__(self, frames: np.ndarray, speed: float, count: int) -> np.ndarray:
        """`frames` [T, F] at `speed`: float32 [count, F], of the first `reach(speed, count)` of them."""
        taken = frames[(np.arange(count) * speed).astype(np.int64)].astype(np.float32)
        bins = np.interp(self.centres / speed, self.centres, np.arange(len(self.centres)))
        lower = np.minimum(bins.astype(np.int64), len(bins) - 2)
        share = (bins - lower).astype(np.float32)
        return taken[:, lower] * (1 - share) + taken[:, lower + 1] * share
