"""FBank as a graph has it: the frontend's features, padded or not, and what it does not hold."""

from pathlib import Path
from typing import Any

import pytest
import torch

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.waveform_graph import WaveformEncoder
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend


def make(**features: Any) -> tuple[WaveformEncoder, FeatureFrontend]:
    torch.manual_seed(0)
    frontend = FeatureFrontend({"num_mel_bins": 24, **features}).eval()
    return WaveformEncoder(frontend, build_encoder("small_tdnn", feat_dim=24, channels=16)).eval(), frontend


@pytest.mark.parametrize(
    "features",
    [{}, {"cmn": "none"}, {"window_type": "hamming", "use_power": False}, {"preemphasis_coefficient": 0.0},
     {"remove_dc_offset": False}],
)  # fmt: skip
def test_features_of_real_speech(features: dict[str, Any], shared_data: Path) -> None:
    network, frontend = make(**features)
    wave = torch.from_numpy(DataDir.read(shared_data / "speechocean762" / "test").utterances[1].read())
    difference = (network.fbank(wave[None])[0] - frontend.raw(wave)).abs()
    assert difference.mean() < 1e-4
    assert difference.max() < 0.02  # in bins far below the frame's peak


def test_padded_recordings_have_the_embedding_of_each_alone(shared_data: Path) -> None:
    network, frontend = make()
    waves = [
        torch.from_numpy(one.read()) for one in DataDir.read(shared_data / "speechocean762" / "test").utterances[:3]
    ]
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True) / 32768
    with torch.no_grad():
        found = network(padded, torch.tensor([len(wave) for wave in waves]))
        for wave, vector in zip(waves, found):
            expected = network.encoder(frontend.recording(wave)[None])[0]
            assert (vector - expected).norm() <= 1e-3 * expected.norm()


@pytest.mark.parametrize(
    "features",
    [{"kind": "mfcc", "num_ceps": 20}, {"cmn": "sliding"}, {"deltas": 1}, {"vad": True}, {"norm_vars": True},
     {"use_energy": True}, {"dither": 1.0}, {"snip_edges": False}],
)  # fmt: skip
def test_what_a_graph_does_not_hold_is_refused(features: dict[str, Any]) -> None:
    frontend = FeatureFrontend({"num_mel_bins": 24, **features})
    encoder = build_encoder("small_tdnn", feat_dim=frontend.feature_dim, channels=16)
    with pytest.raises(InputError, match="a graph from the waveform holds"):
        WaveformEncoder(frontend, encoder)
