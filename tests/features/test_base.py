"""What all features share: batches and blocks, shapes, precision, nothing saved."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.features import Fbank, base, fbank, num_frames

Speech = Callable[..., torch.Tensor]


@pytest.mark.parametrize("options", [{}, {"snip_edges": False}, {"use_energy": True}])
def test_a_batch_and_any_block_size_give_the_numbers_of_one_recording(
    monkeypatch: pytest.MonkeyPatch, synthetic_waves: dict, speech_like: Speech, options: dict[str, Any]
) -> None:
    module = Fbank(**options)
    waves = torch.stack([speech_like(16000), speech_like(16000, 3), synthetic_waves["full-scale tone"]])
    monkeypatch.setattr(base, "CPU_BLOCK", 10**6)
    whole = torch.stack([module(wave) for wave in waves])
    for block in (1, 7, 64, 98, 250, 400):
        monkeypatch.setattr(base, "CPU_BLOCK", block)
        assert (module(waves) - whole).abs().max() < 1e-5, block


def test_a_long_recording_equals_its_parts_and_its_blocks_share_the_memory(speech_like: Speech) -> None:
    module = Fbank()
    wave = speech_like(16000 * 60)
    sizes: list[int] = []
    work = module._features
    module._features = lambda windowed, energy: sizes.append(len(windowed)) or work(windowed, energy)  # type: ignore
    whole = module(wave)
    assert len(whole) == num_frames(len(wave), module.options) == sum(sizes)
    assert max(sizes) <= base.CPU_BLOCK * torch.get_num_threads()
    for first in (0, 1234, 5800):
        part = module(wave[first * 160 : (first + 100) * 160 + 240])
        assert (part - whole[first : first + 100]).abs().max() < 1e-5


def test_whole_number_samples_and_the_function_give_the_same(speech_like: Speech) -> None:
    wave = speech_like(8000)
    expected = Fbank(num_mel_bins=40)(wave)
    assert torch.equal(Fbank(num_mel_bins=40)(wave.to(torch.int16)), expected)
    with torch.inference_mode():
        assert torch.equal(fbank(wave, num_mel_bins=40), expected)
    trained = wave.clone().requires_grad_()
    fbank(trained, num_mel_bins=40).sum().backward()
    assert trained.grad.abs().sum() > 0


def test_half_precision_around_it_does_not_touch_the_features(speech_like: Speech) -> None:
    wave, module = speech_like(8000), Fbank()
    expected = module(wave)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(module(wave), expected)
    assert torch.equal(copy.deepcopy(module).bfloat16()(wave), expected)
    assert torch.equal(copy.deepcopy(module).half()(wave), expected)
    precise = copy.deepcopy(module).double()
    assert precise(wave).dtype == torch.float64
    assert torch.equal(precise.float()(wave), expected)


@pytest.mark.parametrize("shape", [(), (1, 1, 1600)])
def test_another_shape_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"\[B, S\]"):
        Fbank()(torch.zeros(shape))


@pytest.mark.parametrize("samples", [0, 1, 399])
def test_a_recording_without_a_frame_is_an_error(samples: int) -> None:
    with pytest.raises(InputError, match=f"{samples} samples"):
        Fbank()(torch.zeros(samples))
    with pytest.raises(InputError, match=f"{samples} samples"):
        Fbank()(torch.zeros(3, samples))


def test_an_empty_batch_is_an_empty_result() -> None:
    assert Fbank()(torch.zeros(0, 1600)).shape == (0, 8, 80)
