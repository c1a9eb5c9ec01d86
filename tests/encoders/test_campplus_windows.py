"""CAM++ layer by layer over a file gives the embedding of the whole, and leaves nothing behind."""

import tempfile
from collections.abc import Callable
from typing import Any

import pytest
import torch

from speakerssl.encoders.campplus_layers import SEGMENT
from speakerssl.encoders.campplus_windows import Activations, embed_by_layers
from speakerssl.errors import InputError

FEAT_DIM = 20


@pytest.fixture
def encoder(small_encoder: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """With windows of one segment of a local context, and shorter ones in the head."""
    monkeypatch.setattr("speakerssl.encoders.campplus_windows.WINDOW", SEGMENT)
    monkeypatch.setattr("speakerssl.encoders.campplus_windows.HEAD_WINDOW", 30)
    return small_encoder("campplus", dilations=[1, 2, 3])


def features(num_frames: int) -> torch.Tensor:
    """[T, F] that become louder, so that no window stands for another."""
    torch.manual_seed(num_frames)
    return torch.randn(num_frames, FEAT_DIM) * torch.linspace(0.2, 3, num_frames)[:, None] + torch.randn(FEAT_DIM)


@pytest.mark.parametrize("num_frames", [3, 4, 199, 200, 201, 640, 1001])
def test_the_embedding_is_that_of_the_whole(encoder: Any, num_frames: int) -> None:
    feats = features(num_frames)
    with torch.no_grad():
        whole = encoder(feats[None])[0]
    for found in (
        embed_by_layers(encoder, lambda begin, end: feats[begin:end], num_frames),
        encoder.embed_long(lambda begin, end: feats[begin:end], num_frames),
    ):
        assert (found - whole).norm() <= 1e-4 * whole.norm()
        assert not found.requires_grad


def test_features_are_read_within_the_recording_and_a_window_at_a_time(encoder: Any) -> None:
    feats, asked = features(1001), []

    def read(begin: int, end: int) -> torch.Tensor:
        asked.append((begin, end))
        return feats[begin:end]

    embed_by_layers(encoder, read, 1001)
    assert all(0 <= begin < end <= 1001 for begin, end in asked)
    assert max(end - begin for begin, end in asked) <= 2 * 30 + 2 * 12  # a window of the head, and its context
    assert {frame for begin, end in asked for frame in range(begin, end)} == set(range(1001))


def test_less_context_than_the_head_sees_is_another_embedding(encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    feats = features(640)
    with torch.no_grad():
        whole = encoder(feats[None])[0]
    monkeypatch.setattr("speakerssl.encoders.campplus_windows.CONTEXT", 4)
    found = embed_by_layers(encoder, lambda begin, end: feats[begin:end], 640)
    assert (found - whole).norm() > 1e-4 * whole.norm()


def test_activations_come_back_from_the_file_window_by_window() -> None:
    x = torch.randn(1, 5, 37)
    file = Activations(5, torch.device("cpu"))
    for begin, end in ((0, 10), (10, 11), (11, 37)):
        file.append(x[..., begin:end])
        assert torch.equal(file.read(max(0, begin - 3), end), x[..., max(0, begin - 3) : end])  # also between writes
    assert file.frames == 37
    assert torch.equal(file.read(0, 37), x)
    file.close()


def test_every_file_is_closed_also_after_an_error(encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    make: Any = tempfile.TemporaryFile

    def recorded(**options: str) -> Any:
        opened.append(make(**options))
        return opened[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", recorded)
    feats = features(400)
    embed_by_layers(encoder, lambda begin, end: feats[begin:end], 400)
    assert opened
    assert all(file.closed for file in opened)
    opened.clear()

    def read(begin: int, end: int) -> torch.Tensor:
        if begin > 100:
            raise InputError("a.wav: is truncated")
        return feats[begin:end]

    with pytest.raises(InputError, match="is truncated"):
        embed_by_layers(encoder, read, 400)
    assert [file.closed for file in opened] == [True]
