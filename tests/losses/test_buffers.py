"""Buffers whose length is a part of the state."""

from typing import Any

import pytest
import torch
from torch import nn

from speakerssl.losses.buffers import fit_buffers


class Memory(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(0, 3))

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *more: Any) -> None:
        fit_buffers(self, ["rows"], state, prefix)
        super()._load_from_state_dict(state, prefix, *more)


def test_a_buffer_takes_length_and_type_of_the_state() -> None:
    module = nn.Sequential(Memory())
    rows = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    module.load_state_dict({"0.rows": rows})
    found = module.state_dict()["0.rows"]
    assert found.dtype == torch.float64
    assert torch.equal(found, rows)


def test_a_missing_buffer_is_still_an_error() -> None:
    with pytest.raises(RuntimeError, match="Missing key"):
        nn.Sequential(Memory()).load_state_dict({})
