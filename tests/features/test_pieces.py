"""A recording in pieces gives the frames of the whole, however it is cut, and holds no more than a piece of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerssl.errors import InputError
from speakerssl.features.filter_bank import Fbank
from speakerssl.features.librosa_mel import LibrosaMel
from speakerssl.features.pieces import FrameStream
from speakerssl.features.torchaudio_mel import TorchaudioMel

MODULES: dict[str, Any] = {
    "snipped": Fbank(num_mel_bins=23),
    "kaldi's whole shifts": Fbank(num_mel_bins=23, snip_edges=False),
    "a shift longer than a frame": Fbank(num_mel_bins=23, frame_shift=40.0),
    "centred, reflected": TorchaudioMel(),
    "centred, nine frames beyond the end": LibrosaMel(extra_frames=9),
}
VOICE = (1000 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)


def stream_of(module: Any, compute: Callable[[torch.Tensor], torch.Tensor] | None = None) -> FrameStream:
    return FrameStream(compute or module, module.options, module.options.snip_edges and not module.options.centred)


def frames_in_pieces(stream: FrameStream, wave: np.ndarray, cuts: list[int]) -> torch.Tensor:
    pieces = np.split(wave, sorted(cuts))
    found = [stream.push(piece, number == len(pieces) - 1) for number, piece in enumerate(pieces)]
    return torch.cat([part for part in found if part is not None])


@pytest.mark.parametrize("name", sorted(MODULES))
@given(samples=st.integers(401, 16000), cuts=st.lists(st.integers(0, 16000), max_size=12))
@settings(max_examples=25, deadline=None)
def test_any_pieces_give_the_frames_of_the_whole(name: str, samples: int, cuts: list[int]) -> None:
    module, wave = MODULES[name], VOICE[:samples]
    found = frames_in_pieces(stream_of(module), wave, [min(cut, samples) for cut in cuts])
    torch.testing.assert_close(found, module(torch.from_numpy(wave)), atol=1e-3, rtol=1e-4)


def test_pieces_of_a_few_samples_are_kept_until_they_make_a_frame() -> None:
    module = MODULES["snipped"]
    stream = stream_of(module)
    found = [stream.push(VOICE[i : i + 7], is_last=False) for i in range(0, 700, 7)]
    made = [(number, part) for number, part in enumerate(found) if part is not None and len(part)]
    # A frame is there as soon as its last sample is: 400 samples, then 160 more.
    assert [7 * (number + 1) for number, _ in made] == [406, 560]
    torch.testing.assert_close(torch.cat([part for _, part in made]), module(torch.from_numpy(VOICE[:560])))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_what_is_held_does_not_grow_with_the_recording(name: str) -> None:
    module, computed = MODULES[name], []

    def compute(wave: torch.Tensor) -> torch.Tensor:
        computed.append(len(wave))
        return module(wave)

    stream = stream_of(module, compute)
    for _ in range(20):
        stream.push(VOICE[:8000], is_last=False)
        assert len(stream.rest) <= 400 + 2 * stream.margin * stream.shift
    assert max(computed) <= 8000 + 400 + 2 * stream.margin * stream.shift


def test_too_short_a_recording_has_no_frame_or_says_why() -> None:
    assert stream_of(MODULES["snipped"]).push(VOICE[:399], is_last=True) is None
    with pytest.raises(InputError, match="a recording of 79 samples is shorter than one frame"):
        stream_of(MODULES["kaldi's whole shifts"]).push(VOICE[:79], is_last=True)
    with pytest.raises(InputError, match="a recording of 200 samples is shorter than 201"):
        stream_of(MODULES["centred, reflected"]).push(VOICE[:200], is_last=True)


def test_samples_after_the_last_whole_frame_are_none() -> None:
    stream = stream_of(MODULES["snipped"])
    assert len(stream.push(VOICE[:400], is_last=False)) == 1
    assert stream.push(VOICE[400:559], is_last=True) is None
