"""The energy VAD against Kaldi's decisions, frame by frame, and against a loop."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from speakerssl.errors import InputError
from speakerssl.features import Mfcc, energy_vad

VOXCELEB: dict[str, Any] = {
    "vad_energy_threshold": 5.5,
    "vad_energy_mean_scale": 0.5,
    "vad_proportion_threshold": 0.12,
    "vad_frames_context": 2,
}
KALDI: dict[str, tuple[str, dict[str, Any]]] = {
    "vad_voxceleb": ("mfcc_a", VOXCELEB),
    "vad_default": ("mfcc_a", {}),
    "vad_voxceleb_vx": ("mfcc_voxceleb", VOXCELEB),
    "vad_context": ("mfcc_a", {**VOXCELEB, "vad_proportion_threshold": 0.6, "vad_frames_context": 5}),
    "vad_high": ("mfcc_a", {**VOXCELEB, "vad_energy_threshold": 10.0}),
}


@pytest.mark.parametrize("recording", ["utt1", "utt2", "utt3", "silence", "clip400"])
@pytest.mark.parametrize("name", KALDI)
def test_no_frame_differs_from_kaldi(golden: Mapping[str, NDArray], name: str, recording: str) -> None:
    features, options = KALDI[name]
    kaldis = golden[f"{recording}/{name}"].astype(bool)
    energy = torch.from_numpy(golden[f"{recording}/{features}"])[:, 0]
    assert np.array_equal(energy_vad(energy, **options).numpy(), kaldis)
    wave = torch.from_numpy(golden[f"{recording}/wave"].astype(np.float32))
    ours = Mfcc(snip_edges=features == "mfcc_a")(wave)[:, 0]
    assert np.array_equal(energy_vad(ours, **options).numpy(), kaldis)


@pytest.mark.parametrize("context", [0, 1, 2, 7])
@pytest.mark.parametrize("proportion", [0.12, 0.3, 0.6])
def test_equals_a_loop_on_a_batch(context: int, proportion: float) -> None:
    energy = 10 + 3 * torch.randn(2, 40, generator=torch.Generator().manual_seed(0))
    ours = energy_vad(energy, 5.0, 0.5, context, proportion)
    for row, decisions in zip(energy, ours):
        threshold = 5.0 + 0.5 * float(row.double().mean())
        for frame in range(40):
            near = row[max(0, frame - context) : frame + context + 1]
            share = np.float32(len(near)) * np.float32(proportion)
            assert bool(decisions[frame]) == (int((near > threshold).sum()) >= share)


def test_a_higher_threshold_never_adds_speech() -> None:
    energy = torch.randn(200, generator=torch.Generator().manual_seed(1))
    counts = [int(energy_vad(energy, threshold).sum()) for threshold in (-5.0, -1.0, 0.0, 1.0, 3.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 200
    assert counts[-1] < 5


@pytest.mark.parametrize(
    "options",
    [{"vad_energy_mean_scale": -0.1}, {"vad_frames_context": -1}, {"vad_proportion_threshold": 1.0}],
)
def test_a_wrong_option_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        energy_vad(torch.zeros(10), **options)
