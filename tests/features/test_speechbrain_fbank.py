"""speechbrain's filter banks by their properties; held against speechbrain itself in tests/embeddings/toolkits."""

from typing import Any

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.features import SpeechbrainFbank, SpeechbrainFbankOptions
from speakerssl.features.base import Whole
from speakerssl.features.speechbrain_fbank import even_banks


def test_triangles_are_as_wide_on_both_sides() -> None:
    banks = even_banks(SpeechbrainFbankOptions(num_mel_bins=8))
    for column in banks.T[3:]:
        held = torch.nonzero(column)[:, 0]
        assert abs((held[0] + held[-1]) / 2 - int(column.argmax())) <= 1


def test_nothing_is_further_below_the_loudest_than_top_db() -> None:
    wave = torch.cat([torch.zeros(8000), 8000 * torch.randn(8000)])
    feats = SpeechbrainFbank(top_db=50.0)(wave)
    assert float(feats.max() - feats.min()) == pytest.approx(50.0, abs=1e-3)
    batch = SpeechbrainFbank()(torch.stack([wave, 0.1 * wave]))
    torch.testing.assert_close(batch[1] - batch[1].max(), batch[0] - batch[0].max(), atol=1e-2, rtol=0)


@pytest.mark.parametrize("options", [{"num_mel_bins": 1}, {"top_db": 0.0}, {"low_freq": 9000.0}])
def test_impossible_options(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        SpeechbrainFbank(**options)


def test_local_frames_and_the_whole_give_the_floor_of_the_recording() -> None:
    module = SpeechbrainFbank(top_db=30.0)
    wave = torch.cat([10 * torch.randn(8000, generator=torch.Generator().manual_seed(0)), torch.zeros(8000)])
    wave[:800] *= 100
    local = module.local(wave)
    assert local.min() < local.max() - 60
    assert torch.equal(module.of_whole(local, Whole(float(local.max()), 1.0)), module(wave))
