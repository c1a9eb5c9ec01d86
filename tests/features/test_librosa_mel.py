"""librosa's mel energies by their properties; held against librosa itself in tests/embeddings/toolkits."""

from typing import Any

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.features import FeatureFrontend, LibrosaMel, LibrosaMelOptions, num_frames
from speakerssl.features.base import Whole
from speakerssl.features.librosa_mel import slaney_banks


def test_filters_have_the_area_of_one() -> None:
    banks = slaney_banks(LibrosaMelOptions(num_mel_bins=20))
    area = banks.sum(dim=0) * 40.0  # hertz between two points of the transform
    assert banks.shape == (201, 20)
    torch.testing.assert_close(area[8:], torch.ones(12), atol=0.05, rtol=0)


def test_zeros_beyond_the_end_and_frames_there() -> None:
    wave = 3000 * torch.randn(1000)
    plain, longer = LibrosaMel()(wave), LibrosaMel(extra_frames=1)(wave)
    assert len(plain) == num_frames(1000, LibrosaMelOptions()) == 7
    assert len(longer) == num_frames(1000, LibrosaMelOptions(extra_frames=1)) == 8
    padded = LibrosaMel()(torch.nn.functional.pad(wave, (0, 160)))
    torch.testing.assert_close(longer, padded)
    assert LibrosaMel(extra_frames=3)(wave)[-1].abs().max() == 0  # nothing of the recording is in reach


def test_quiet_recordings_are_raised_and_loud_ones_are_not() -> None:
    frontend = FeatureFrontend({"kind": "librosa_mel", "raise_to_dbfs": -30.0, "cmn": "none"})
    wave = torch.randn(1, 4000)
    target = 32768 * 10 ** (-30 / 20)
    loud, quiet = 2 * target * wave / wave.std(), 0.01 * target * wave / wave.std()
    torch.testing.assert_close(frontend(loud), LibrosaMel()(loud))
    level = quiet.square().mean().sqrt()
    torch.testing.assert_close(frontend(quiet), LibrosaMel()(quiet * target / level), rtol=1e-4, atol=1e-9)
    assert frontend(torch.zeros(1, 4000)).abs().max() == 0


@pytest.mark.parametrize("options", [{"num_mel_bins": 2}, {"raise_to_dbfs": 3.0}, {"extra_frames": -1}])
def test_impossible_options(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        LibrosaMel(**options)


def test_local_frames_and_the_whole_give_the_raised_recording() -> None:
    module, raised = LibrosaMel(), LibrosaMel(raise_to_dbfs=-6.0)
    waves = 300 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0], [9.0]])
    torch.testing.assert_close(raised.local(waves), module(waves), rtol=1e-4, atol=1e-7)
    for wave in waves:
        whole = Whole(0.0, float(wave.square().mean().sqrt()))
        torch.testing.assert_close(raised.of_whole(module(wave), whole), raised(wave), rtol=1e-4, atol=1e-7)
    assert torch.equal(raised.of_whole(module(waves[0]), Whole(0.0, 0.0)), module(waves[0]))  # silence stays
