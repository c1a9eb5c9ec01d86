"""speechbrain's networks and features, held against the package with random weights carried over, on real speech."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.model import SpeakerModel, load_model

Check = Callable[..., SpeakerModel]


def test_xvector(same_network: Check) -> None:
    from speechbrain.lobes.models.Xvector import Xvector

    theirs = Xvector(tdnn_channels=[16, 16, 16, 16, 24], lin_neurons=12, in_channels=24)
    # Its pooling adds noise of up to 1e-4 to the mean.
    same_network(theirs, 24, lambda feats: theirs(feats).squeeze(1), tolerance=2e-3)


def test_resnet(same_network: Check) -> None:
    from speechbrain.lobes.models.ResNet import ResNet

    theirs = ResNet(input_size=40, channels=[8, 8, 16, 16], block_sizes=[1, 2, 1, 1], lin_neurons=12)
    model = same_network(theirs, 40, tolerance=1e-3)
    assert model.config["encoder"]["counts"] == [1, 2, 1, 1]


def test_published_sizes(parameters: Callable[..., int]) -> None:
    from speechbrain.lobes.models.ResNet import ResNet
    from speechbrain.lobes.models.Xvector import Xvector

    for name, theirs, bins in (("resnet_preactivated", ResNet(), 80), ("xvector", Xvector(in_channels=24), 24)):
        assert parameters(name, bins) == sum(p.numel() for p in theirs.parameters())


def test_ecapa_from_the_recording_to_the_embedding(same_network: Check, tmp_path: Path, shared_data: Path) -> None:
    """Its own Fbank, sentence normalization and ECAPA_TDNN, as its EncoderClassifier strings them together."""
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    theirs = ECAPA_TDNN(80, lin_neurons=24, channels=[32, 32, 32, 32, 96], attention_channels=16, se_channels=16)
    folder = "model/embedding_model.ckpt"
    same_network(theirs, 80, lambda feats: theirs(feats).squeeze(1), name=folder)
    model = load_model(tmp_path / "model")  # recognized by its file, without an import
    data = DataDir.read(shared_data / "librispeech" / "test")
    fbank, norm = Fbank(n_mels=80), InputNormalization(norm_type="sentence", std_norm=False)
    for utterance in list(data.recordings.values())[:3]:
        wave = model.waveform(str(utterance.source))
        with torch.no_grad():
            feats = norm(fbank(torch.from_numpy(wave / 32768.0)[None]), torch.ones(1))
            expected = theirs(feats)[0, 0].numpy()
        got = model.embed(str(utterance.source))
        assert np.abs(got - expected / np.linalg.norm(expected)).max() < 1e-4


@pytest.mark.parametrize("samples", [16000, 24011])
def test_features_alone(samples: int) -> None:
    from speechbrain.lobes.features import Fbank

    from speakerssl.features import SpeechbrainFbank

    torch.manual_seed(0)
    waves = torch.randn(2, samples) * torch.linspace(0, 3000, samples)
    expected = Fbank(n_mels=40)(waves / 32768.0)
    torch.testing.assert_close(SpeechbrainFbank(num_mel_bins=40)(waves), expected, atol=2e-3, rtol=0)
