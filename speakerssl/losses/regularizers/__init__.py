"""Terms that add to any loss, by name."""

from speakerssl.losses.regularizers.base import Regularizer
from speakerssl.losses.regularizers.entropy import Entropy
from speakerssl.losses.regularizers.mixup import Metrix
from speakerssl.losses.regularizers.spread import KoLeo, Uniformity
from speakerssl.losses.regularizers.threshold import ThresholdConsistency
from speakerssl.losses.regularizers.variance import VarianceCovariance

REGULARIZERS: dict[str, type[Regularizer]] = {
    kind.label: kind for kind in (VarianceCovariance, Uniformity, KoLeo, ThresholdConsistency, Entropy, Metrix)
}

__all__ = [
    "REGULARIZERS",
    "Entropy",
    "KoLeo",
    "Metrix",
    "Regularizer",
    "ThresholdConsistency",
    "Uniformity",
    "VarianceCovariance",
]
