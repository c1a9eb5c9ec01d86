"""The parts of CAM++ by slow loops: means of segments, the context gate, the head that keeps time."""

import pytest
import torch

from speakerssl.encoders import campplus_layers
from speakerssl.encoders.campplus_layers import ContextGatedConv, ConvolutionHead, frames_of, segment_means
from speakerssl.encoders.masking import length_mask, mask_frames


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campplus_layers, "SEGMENT", 10)


def test_means_of_segments_leave_the_padding_out() -> None:
    x, lengths = torch.randn(2, 3, 25), [25, 13]
    mask = length_mask(torch.tensor(lengths), 25)
    found = segment_means(mask_frames(x, mask), mask)
    assert found.shape == (2, 3, 3)
    for row, length in enumerate(lengths):
        for segment in range(3):
            real = x[row, :, 10 * segment : min(10 * segment + 10, length)]
            expected = real.mean(dim=1) if real.shape[1] else torch.zeros(3)
            torch.testing.assert_close(found[row, :, segment], expected)
    torch.testing.assert_close(segment_means(x, None)[0], found[0])


def test_each_segment_is_spread_over_its_frames() -> None:
    assert frames_of(torch.tensor([[[1.0, 2.0, 3.0]]]), 23).tolist() == [[[1.0] * 10 + [2.0] * 10 + [3.0] * 3]]


def test_the_gate_is_made_of_the_recordings_and_the_segments_mean() -> None:
    torch.manual_seed(0)
    layer, x = ContextGatedConv(6, 4, dilation=2), torch.randn(1, 6, 25)
    found = layer(x, None)
    plain = layer.local(x)
    for frame in range(25):
        begin = frame // 10 * 10
        context = x.mean(dim=2) + x[:, :, begin : begin + 10].mean(dim=2)
        gate = torch.sigmoid(layer.context2(torch.relu(layer.context1(context[:, :, None]))))
        torch.testing.assert_close(found[:, :, frame], plain[:, :, frame] * gate[:, :, 0])


@pytest.mark.parametrize("bins", [20, 80])
def test_the_head_keeps_time_and_ignores_padding(bins: int) -> None:
    torch.manual_seed(0)
    head = ConvolutionHead(4).eval()
    x = torch.randn(2, 1, bins, 30)
    lengths = torch.tensor([30, 17])
    x[1, ..., 17:] = 0.0
    with torch.no_grad():
        found = head(x, lengths)
        assert found.shape == (2, 4 * -(-bins // 8), 30)
        torch.testing.assert_close(found[1:, :, :17], head(x[1:, ..., :17], None), atol=1e-5, rtol=1e-5)
        assert not found[1, :, 17:].any()
