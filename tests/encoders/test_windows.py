"""Windows give the embedding of the whole, for every encoder of the registry, wherever the windows are cut."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerssl.encoders import ENCODERS, Encoder, build_encoder
from speakerssl.encoders.pooling import POOLINGS
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.windows import embed_windows, plan_windows

FEAT_DIM = 20
# Long recordings go through these in their own way, or in overlapping windows (redimnet).
WITHOUT_REACH = {"campplus", "ge2e_lstm", "redimnet"}


def check(encoder: Encoder, num_frames: int, window: int) -> None:
    torch.manual_seed(num_frames)
    feats = torch.randn(num_frames, FEAT_DIM) * torch.linspace(0.2, 3, num_frames)[:, None] + torch.randn(FEAT_DIM)
    with torch.no_grad():
        whole = encoder(feats[None])[0]
    found = embed_windows(encoder, lambda begin, end: feats[begin:end], num_frames, window)
    assert (found - whole).norm() <= 1e-4 * whole.norm()
    with torch.no_grad():  # and the encoder is what it was
        assert torch.equal(encoder(feats[None])[0], whole)


@pytest.mark.parametrize("name", sorted(set(ENCODERS) - WITHOUT_REACH))
def test_windows_give_the_embedding_of_the_whole(name: str, small_encoder: Callable[..., Encoder]) -> None:
    encoder = small_encoder(name)
    for num_frames, window in ((1201, 300), (999, 160), (640, 640)):
        check(encoder, num_frames, window)


@pytest.mark.parametrize("pooling", sorted(POOLINGS))
@pytest.mark.parametrize("name", ["small_tdnn", "xvector", "rvector_resnet34"])
def test_every_pooling(name: str, pooling: str, small_encoder: Callable[..., Encoder]) -> None:
    check(small_encoder(name, pooling=pooling), 700, 200)


def test_a_passed_window_does_not_leak_context() -> None:
    """With the context a frame too short, the result differs: `reach` is not larger than it has to be by chance."""
    torch.manual_seed(0)
    encoder = build_encoder("rvector_resnet34", FEAT_DIM, channels=8).eval()
    assert encoder.reach is not None
    feats = torch.randn(800, FEAT_DIM)
    with torch.no_grad():
        whole = encoder(feats[None])[0]
    encoder.reach = encoder.reach._replace(context=encoder.reach.context // 4)
    found = embed_windows(encoder, lambda begin, end: feats[begin:end], 800, 100)
    assert (found - whole).norm() > 1e-4 * whole.norm()


@given(st.integers(1, 5000), st.integers(1, 600), st.integers(0, 100), st.sampled_from([0, 14]), st.integers(1, 16))
@settings(max_examples=200, deadline=None)
def test_every_frame_counts_once(num_frames: int, window: int, context: int, lost: int, stride: int) -> None:
    spans = plan_windows(num_frames, window, Reach(context, lost, 1 if lost else stride))
    counted = [frame for _, begin, end, _ in spans for frame in range(begin, end)]
    assert counted == list(range(max(1, num_frames - lost)))
    for first, begin, end, last in spans:
        assert 0 <= first <= begin < end <= last <= num_frames or num_frames <= lost
        assert begin - first >= min(context, begin)
        assert last - end >= min(context + lost, num_frames - end)
        assert first % (1 if lost else stride) == 0


def test_which_encoders_do_not_say_how_far_their_frames_look(small_encoder: Callable[..., Encoder]) -> None:
    assert {name for name in ENCODERS if small_encoder(name).reach is None} == WITHOUT_REACH


def test_an_encoder_without_reach() -> None:
    encoder = build_encoder("xvector", FEAT_DIM, channels=[8] * 5)
    encoder.reach = None
    with pytest.raises(TypeError, match="XVector has no `reach`"):
        embed_windows(encoder, lambda begin, end: torch.zeros(end - begin, FEAT_DIM), 100, 50)
