"""The contrastive loss from a configuration: registries of what can be chosen, and errors that list it."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from speakerssl.errors import InputError, unknown_name
from speakerssl.losses.adaptive import AdaFaceMargin, LearnableMargin, MagFaceMargin
from speakerssl.losses.contrastive import ContrastiveLoss
from speakerssl.losses.margins import (
    AdditiveAngularMargin,
    AdditiveMargin,
    CurricularMargin,
    Margin,
    NoMargin,
    SiMoMargin,
    SphereFaceMargin,
)
from speakerssl.losses.mixing import FeatureTransformation, MoCHi
from speakerssl.losses.multi_head import MultiHeadLoss
from speakerssl.losses.negatives import DCLR, HardFilter, NegativeStep
from speakerssl.losses.queue import MomentumQueue
from speakerssl.losses.regularizers import REGULARIZERS, Regularizer
from speakerssl.losses.weighting import WEIGHTINGS, Softmax
from speakerssl.options import check_keys, check_range, construct

MARGINS: dict[str, type[Margin]] = {
    "none": NoMargin,
    "additive": AdditiveMargin,
    "additive_angular": AdditiveAngularMargin,
    "sphere": SphereFaceMargin,
    "curricular": CurricularMargin,
    "magface": MagFaceMargin,
    "adaface": AdaFaceMargin,
    "simo": SiMoMargin,
    "learnable": LearnableMargin,
}

NEGATIVES: dict[str, type[NegativeStep]] = {
    "batch": NegativeStep,
    "queue": MomentumQueue,
    "filter": HardFilter,
    "dclr": DCLR,
    "mochi": MoCHi,
    "feature_transformation": FeatureTransformation,
}

OPTIONS = ("symmetry", "margin", "temperature", "negatives", "regularizers", "block_size", "gathered")


def build_loss(config: Mapping[str, Any]) -> ContrastiveLoss | MultiHeadLoss:
    """The contrastive loss that a configuration describes; `{}` is SNT-Xent at temperature 0.2.

    Keys: symmetry, margin (a name, a number for an additive one, or `{name, value, schedule, ramp_steps, ...}`),
    temperature, negatives (a name, a mapping with a name, or a list of these that are chained; one of them may
    be a weighting: softmax, decoupled, dclw, debiased), regularizers (a list of the same), block_size, gathered.
    With `name: multi_head` also `multi_head`, a mapping of the options of MultiHeadLoss (dim is required).

    Raises InputError for an unknown key, name or option, listing the valid ones.
    """
    options = dict(config)
    name = options.pop("name", "contrastive")
    if name not in ("contrastive", "multi_head"):
        raise unknown_name("loss", str(name), ("contrastive", "multi_head"))
    heads = options.pop("multi_head", {}) if name == "multi_head" else None
    check_keys("loss", options, [*OPTIONS, *(["multi_head"] if heads is not None else [])])
    check_range("temperature", options.get("temperature", 0.2), 1e-4)
    options["margin"] = build_margin(options.get("margin", "none"))
    options["negatives"], options["weighting"] = build_negatives(options.get("negatives", "batch"))
    options["regularizers"] = build_regularizers(options.get("regularizers", []))
    core = ContrastiveLoss(**options)
    if heads is None:
        return core
    return construct("loss", {"multi_head": MultiHeadLoss}, {"name": "multi_head", **heads}, core=core)


def build_margin(config: str | float | Mapping[str, Any]) -> Margin:
    """A margin from its name, from a number (additive) or from `{name, ...}`."""
    if isinstance(config, (int, float)):
        config = {"name": "additive", "value": config}
    return construct("margin", MARGINS, config)


def build_negatives(config: Any) -> tuple[list[NegativeStep], Softmax]:
    """The chain of negatives and the one weighting among the entries (softmax where none is)."""
    entries = config if isinstance(config, (list, tuple)) else [config]
    registry: dict[str, type[nn.Module]] = {**NEGATIVES, **WEIGHTINGS}
    built = [construct("negatives", registry, entry) for entry in entries]
    steps = [part for part in built if isinstance(part, NegativeStep)]
    weightings = [part for part in built if isinstance(part, Softmax)]
    if len(weightings) > 1:
        raise InputError(f"negatives take one weighting only, out of: {', '.join(sorted(WEIGHTINGS))}")
    return steps, weightings[0] if weightings else Softmax()


def build_regularizers(config: Any) -> list[Regularizer]:
    """A list of regularizers from a name, `{name, weight, ...}` or a list of them."""
    entries = config if isinstance(config, (list, tuple)) else [config]
    return [construct("regularizer", REGULARIZERS, entry) for entry in entries]
