"""Framing against Kaldi's sample-by-sample definition, and its window and energy formulas."""

import math

import pytest
import torch

from speakerssl.features.frames import frame_view, log_energy, make_window, num_frames, preemphasize_
from speakerssl.features.options import FrameOptions

SHAPES = [(25.0, 10.0), (20.0, 5.0), (10.0, 25.0), (1.0, 1.0)]


def slow_frames(wave: list[float], options: FrameOptions) -> list[list[float]]:
    size, shift, samples = options.window_size, options.window_shift, len(wave)
    if options.snip_edges:
        starts = list(range(0, samples - size + 1, shift))
    else:
        count = (samples + shift // 2) // shift
        starts = [shift * index + shift // 2 - size // 2 for index in range(count)]
    return [[wave[reflect(at, samples)] for at in range(start, start + size)] for start in starts]


def reflect(at: int, samples: int) -> int:
    while not 0 <= at < samples:
        at = -at - 1 if at < 0 else 2 * samples - 1 - at
    return at


@pytest.mark.parametrize("snip_edges", [True, False])
@pytest.mark.parametrize(("length", "shift"), SHAPES)
@pytest.mark.parametrize("samples", [1, 7, 80, 159, 399, 400, 401, 560, 1000, 1333])
def test_frames_equal_kaldis_definition(samples: int, length: float, shift: float, snip_edges: bool) -> None:
    options = FrameOptions(frame_length=length, frame_shift=shift, snip_edges=snip_edges)
    wave = torch.arange(samples, dtype=torch.float32)
    expected = slow_frames(wave.tolist(), options)
    assert num_frames(samples, options) == len(expected)
    if expected:
        view = frame_view(torch.stack([wave, -wave]), options)
        assert view[0].tolist() == expected
        assert torch.equal(view[1], -view[0])


@pytest.mark.parametrize("snip_edges", [True, False])
def test_num_frames_of_a_tensor_of_lengths(snip_edges: bool) -> None:
    options = FrameOptions(snip_edges=snip_edges)
    lengths = torch.tensor([0, 100, 399, 400, 559, 560, 16000])
    assert num_frames(lengths, options).tolist() == [num_frames(int(n), options) for n in lengths]


def test_frames_are_a_view_that_takes_no_memory() -> None:
    wave = torch.zeros(1, 16000)
    assert frame_view(wave, FrameOptions()).untyped_storage().data_ptr() == wave.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("hanning", lambda a, i: 0.5 - 0.5 * math.cos(a * i)),
        ("povey", lambda a, i: (0.5 - 0.5 * math.cos(a * i)) ** 0.85),
        ("hamming", lambda a, i: 0.54 - 0.46 * math.cos(a * i)),
        ("sine", lambda a, i: math.sin(0.5 * a * i)),
        ("rectangular", lambda a, i: 1.0),
        ("blackman", lambda a, i: 0.42 - 0.5 * math.cos(a * i) + 0.08 * math.cos(2 * a * i)),
    ],
)
def test_windows_follow_kaldis_formulas(name: str, formula) -> None:
    expected = torch.tensor([formula(2 * math.pi / 399, i) for i in range(400)], dtype=torch.float64)
    options = FrameOptions(window_type=name)
    assert torch.allclose(make_window(options, torch.float64), expected, rtol=0, atol=1e-14)
    assert torch.allclose(make_window(options).double(), expected, rtol=0, atol=1e-6)


def test_preemphasis_and_energy() -> None:
    frames = torch.tensor([[10.0, 20.0, 40.0]])
    assert torch.allclose(preemphasize_(frames.clone(), 0.5), torch.tensor([[5.0, 15.0, 30.0]]))
    assert torch.equal(preemphasize_(frames.clone(), 0.0), frames)
    assert log_energy(frames).item() == pytest.approx(math.log(2100))
    assert log_energy(torch.zeros(1, 3)).item() == pytest.approx(-15.942385)
