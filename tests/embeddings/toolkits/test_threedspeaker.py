"""3D-Speaker's ERes2Net, held against wespeaker's module of it (CAM++ with real weights: test_import_model)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor

from speakerssl.embeddings.model import SpeakerModel


def threedspeaker_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """wespeaker's fused blocks name their first group apart from the others."""
    found = {}
    for name, tensor in state.items():
        if re.match(r"layer[34]\.", name):
            name = re.sub(r"\.(conv|bn)s\.0\.", r".\1s.1.", name)
            name = re.sub(r"\.(conv|bn)2_1\.", r".\1s.0.", name)
        found[name] = tensor
    return found


@pytest.mark.parametrize("names", [threedspeaker_names, dict])
def test_eres2net(
    names: Callable[..., Any], package_module: Callable[[str], Any], same_network: Callable[..., SpeakerModel]
) -> None:
    module = package_module("wespeaker.models.eres2net")
    theirs = module.ERes2Net(8, [1, 2, 1, 1], feat_dim=40, embed_dim=12)
    model = same_network(theirs, 40, wrap=names, tolerance=1e-3)
    assert model.config["encoder"]["counts"] == [1, 2, 1, 1]
    assert model.config["features"]["window_type"] == "povey"


def test_published_size(parameters: Callable[..., int]) -> None:
    """6.61 M in 3D-Speaker's table."""
    assert round(parameters("eres2net", 80) / 1e6, 2) == 6.61
