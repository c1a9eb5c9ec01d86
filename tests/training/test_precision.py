"""`training.amp: auto` is bfloat16 where the device computes in it; `bf16` says where it is imitated."""

from pathlib import Path

import pytest
import torch

from speakerssl.config import load_config
from speakerssl.training.build import train
from speakerssl.training.precision import computes_in_bf16

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)


@pytest.fixture(params=[False, True], ids=["imitates", "computes"])
def computes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the device computes in bfloat16 in this test."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: request.param)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or request.param
    )
    return bool(request.param)


@pytest.mark.parametrize("device", [CPU, GPU], ids=["cpu", "cuda"])
def test_auto_is_bfloat16_where_the_device_computes_in_it(device: torch.device, computes: bool, capsys) -> None:
    assert computes_in_bf16("auto", device) == computes
    assert not computes_in_bf16("none", device)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("device", "name"), [(CPU, "processor"), (GPU, "GPU")])
def test_bf16_is_kept_and_said_to_be_slow_where_it_is_imitated(
    device: torch.device, name: str, computes: bool, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerssl.io._said", set())
    assert computes_in_bf16("bf16", device, quiet=True)
    assert capsys.readouterr().err == ""
    assert computes_in_bf16("bf16", device)
    said = capsys.readouterr().err
    if computes:
        assert said == ""
    else:
        assert said.startswith(f"speakerssl: training.amp=bf16: this {name} does not compute in bfloat16")
        assert "training.amp=auto" in said
        assert said.count("\n") == 1


def test_a_run_of_auto_ends_as_that_of_the_precision_it_stands_for(
    write_config, tmp_path: Path, computes: bool
) -> None:
    weights = {}
    for amp in ("auto", "bf16", "none"):
        config = load_config(write_config(training={"batch_size": 16, "steps": 2, "amp": amp}))
        train(config, tmp_path / amp, "cpu")
        weights[amp] = (tmp_path / amp / "model.safetensors").read_bytes()
    assert weights["bf16"] != weights["none"]
    assert weights["auto"] == weights["bf16" if computes else "none"]
