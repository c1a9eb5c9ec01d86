"""Losses from configurations: every name builds, and a typo is told with the valid ones."""

from typing import Any

import pytest

from speakerssl.errors import InputError
from speakerssl.losses import MARGINS, NEGATIVES, REGULARIZERS, WEIGHTINGS, MultiHeadLoss, build_loss
from speakerssl.losses.weighting import Decoupled


def test_the_default_is_snt_xent() -> None:
    loss = build_loss({})
    assert (loss.symmetry, loss.temperature) == ("both_views", 0.2)
    assert type(loss.margin).__name__ == "NoMargin"


@pytest.mark.parametrize("name", sorted(MARGINS))
def test_every_margin_builds_by_its_bare_name(name: str) -> None:
    assert isinstance(build_loss({"margin": name}).margin, MARGINS[name])


@pytest.mark.parametrize("name", sorted({**NEGATIVES, **WEIGHTINGS}))
def test_every_choice_of_negatives_builds_by_its_bare_name(name: str) -> None:
    loss: Any = build_loss({"negatives": name})
    assert {**NEGATIVES, **WEIGHTINGS}[name] in [type(part) for part in [*loss.negatives, loss.weighting]]


@pytest.mark.parametrize("name", sorted(REGULARIZERS))
def test_every_regularizer_builds_with_a_weight(name: str) -> None:
    loss: Any = build_loss({"regularizers": [{"name": name, "weight": 0.3}]})
    assert loss.regularizers[0].weight == 0.3


def test_a_number_is_an_additive_margin() -> None:
    loss: Any = build_loss({"margin": 0.4})
    assert loss.margin.value == 0.4


def test_negatives_chain_and_are_weighted_once() -> None:
    loss: Any = build_loss({"negatives": [{"name": "queue", "size": 64}, "mochi", "decoupled"]})
    assert [type(step).__name__ for step in loss.negatives] == ["MomentumQueue", "MoCHi"]
    assert isinstance(loss.weighting, Decoupled)
    with pytest.raises(InputError, match="one weighting only"):
        build_loss({"negatives": ["decoupled", "debiased"]})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"temprature": 0.1}, "unknown key 'temprature'; the known ones are: .*temperature"),
        ({"symmetry": "three"}, "unknown symmetry 'three'.*both_views, dual, one_direction"),
        ({"margin": "arc"}, "unknown margin 'arc'.*additive_angular"),
        ({"margin": {"value": 0.1}}, "margin: the key 'name' is missing.*adaface"),
        ({"margin": {"name": "additive", "scale": 3}}, "margin 'additive': unknown key 'scale'.*value"),
        ({"margin": {"name": "additive", "value": "big"}}, "value: expected a finite number"),
        ({"margin": {"name": "additive", "schedule": "linear"}}, "unknown margin schedule.*cosine_ramp"),
        ({"margin": {"name": "learnable", "low": 0.5}}, "0 <= low < high"),
        ({"negatives": "ring"}, "unknown negatives 'ring'.*decoupled.*queue"),
        ({"negatives": {"name": "queue", "length": 3}}, "negatives 'queue': unknown key 'length'.*size"),
        ({"regularizers": ["koleos"]}, "unknown regularizer 'koleos'.*koleo"),
        ({"temperature": 0}, "temperature must be a number"),
        ({"block_size": 0}, "block_size must be a number"),
        ({"name": "triplet"}, "unknown loss 'triplet'"),
        ({"multi_head": {"dim": 3}}, "unknown key 'multi_head'"),
        ({"name": "multi_head", "multi_head": {"dims": 3}}, "unknown key 'dims'.*heads"),
        ({"name": "multi_head"}, "the key 'dim' is missing"),
    ],
)
def test_a_typo_is_told_with_the_valid_ones(config: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_loss(config)


def test_multi_head_builds() -> None:
    assert isinstance(build_loss({"name": "multi_head", "multi_head": {"dim": 8, "heads": 2}}), MultiHeadLoss)
