"""Other toolkits' own modules, where their packages are installed, and what holds for every import."""

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model

FRAMES = 213


@pytest.fixture
def package_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """`package_module("wespeaker.models.resnet")`: a module of a package whose own `__init__`s are not run."""

    def load(name: str) -> Any:
        parts = name.split(".")
        spec = importlib.util.find_spec(parts[0])
        if spec is None or not spec.submodule_search_locations:
            pytest.skip(f"needs the modules of the package {parts[0]}, which is not installed (see tools/setup.sh)")
        root = Path(next(iter(spec.submodule_search_locations)))
        for depth in range(1, len(parts)):
            parent = types.ModuleType(".".join(parts[:depth]))
            parent.__path__ = [str(root.joinpath(*parts[1:depth]))]
            monkeypatch.setitem(sys.modules, parent.__name__, parent)
        return importlib.import_module(name)

    return load


@pytest.fixture
def same_network(tmp_path: Path) -> Callable[..., TorchModel]:
    """Imports the tensors of a module, holds the embeddings of both against each other, returns the model of ours."""

    def check(
        theirs: nn.Module,
        bins: int,
        embed: Callable[[Tensor], Tensor] | None = None,
        wrap: Callable[[dict[str, Tensor]], Any] = dict,
        tolerance: float = 1e-4,
        name: str = "weights.pt",
    ) -> TorchModel:
        embed = embed or theirs
        torch.manual_seed(0)
        with torch.no_grad():
            for module in theirs.modules():  # batch normalization that has seen something
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.momentum = 0.5
                    if module.affine:
                        nn.init.uniform_(module.weight, 0.5, 1.5)
                        nn.init.uniform_(module.bias, -0.3, 0.3)
            for _ in range(3):
                embed(torch.randn(4, 90, bins))
            theirs.eval()
            (tmp_path / name).parent.mkdir(exist_ok=True)
            torch.save(wrap(theirs.state_dict()), tmp_path / name)
            model = load_torch_model(import_model(tmp_path / name, tmp_path / "out"))
            feats = torch.randn(2, FRAMES, bins)
            expected = embed(feats)
            assert expected.shape == (2, model.embed_dim)
            assert float(expected.std()) > 1e-3
            torch.testing.assert_close(model.encoder(feats), expected, atol=tolerance, rtol=tolerance)
        return model

    return check


@pytest.fixture
def parameters() -> Callable[..., int]:
    """How many parameters the encoder of an import would have, without making its tensors."""

    def count(name: str, feat_dim: int, **options: Any) -> int:
        from speakerssl.encoders import build_encoder

        with torch.device("meta"):
            return sum(parameter.numel() for parameter in build_encoder(name, feat_dim, **options).parameters())

    return count
