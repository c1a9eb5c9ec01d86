"""Files of tensors in the wrappings that toolkits use; what would run code is refused (test_import_model)."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from speakerssl.embeddings.toolkits.tensors import read_tensors
from speakerssl.errors import InputError

STATE = {"a.weight": torch.arange(3.0)}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"model_state": STATE, "step": 3},
        {"state_dict": STATE, "epoch": torch.tensor(3)},
        {"model": {"module.a.weight": torch.arange(3.0)}, "optimizer": {}},
    ],
)
def test_wrappings(content: dict[str, Any], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pt")
    found = read_tensors(tmp_path / "a.pt")
    assert list(found) == ["a.weight"]
    assert torch.equal(found["a.weight"], STATE["a.weight"])


def test_safetensors_and_damage(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "a.safetensors")
    assert list(read_tensors(tmp_path / "a.safetensors")) == ["a.weight"]
    for name, content in (("b.safetensors", b"{"), ("b.pt", b"PK\x03\x04 not a zip"), ("c.pt", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_tensors(tmp_path / name)
