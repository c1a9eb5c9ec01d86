"""Losses: one contrastive core with independent choices, regularizers, classification heads, large batches."""

from speakerssl.losses.build import MARGINS, NEGATIVES, build_loss, build_margin
from speakerssl.losses.classifiers import CLASSIFIERS, build_head
from speakerssl.losses.contrastive import ContrastiveLoss
from speakerssl.losses.gather import gather
from speakerssl.losses.gradcache import GradCache
from speakerssl.losses.head import Classified, Head
from speakerssl.losses.identity import Identity, identify
from speakerssl.losses.linear import LinearHead
from speakerssl.losses.margins import Margin, MarginState
from speakerssl.losses.multi_head import MultiHeadLoss
from speakerssl.losses.negatives import NegativeStep
from speakerssl.losses.queue import MomentumQueue
from speakerssl.losses.regularizers import REGULARIZERS, Regularizer
from speakerssl.losses.regularizers.spread import koleo, uniformity
from speakerssl.losses.regularizers.variance import covariance_term, variance_term
from speakerssl.losses.softmax import ClassificationHead
from speakerssl.losses.sphereface2 import SphereFace2Head
from speakerssl.losses.symmetry import SYMMETRIES
from speakerssl.losses.task import LossOutput
from speakerssl.losses.weighting import WEIGHTINGS, Softmax

__all__ = [
    "CLASSIFIERS",
    "MARGINS",
    "NEGATIVES",
    "REGULARIZERS",
    "SYMMETRIES",
    "WEIGHTINGS",
    "ClassificationHead",
    "Classified",
    "ContrastiveLoss",
    "GradCache",
    "Head",
    "Identity",
    "LinearHead",
    "LossOutput",
    "Margin",
    "MarginState",
    "MomentumQueue",
    "MultiHeadLoss",
    "NegativeStep",
    "Regularizer",
    "Softmax",
    "SphereFace2Head",
    "build_head",
    "build_loss",
    "build_margin",
    "covariance_term",
    "gather",
    "identify",
    "koleo",
    "uniformity",
    "variance_term",
]
