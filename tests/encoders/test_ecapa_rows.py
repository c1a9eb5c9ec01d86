"""ECAPA on rows gives speechbrain's numbers from the same weights."""

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.ecapa_rows import EcapaRows


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    encoder = build_encoder(
        "ecapa_tdnn", feat_dim=20, channels=32, attention_channels=8, se_channels=8, res2net_scale=4, embed_dim=12
    )
    with torch.no_grad():
        for _ in range(3):
            encoder.train()(torch.randn(4, 60, 20))
        for module in encoder.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.weight.uniform_(-1.5, 1.5)
                module.bias.normal_()
    return encoder.eval()


@pytest.mark.parametrize("frames", [5, 9, 47, 200])
def test_embeddings_are_those_of_speechbrain_s_network(encoder, frames: int) -> None:
    feats = torch.randn(3, frames, 20, generator=torch.Generator().manual_seed(frames))
    rows = EcapaRows(encoder).eval()
    with torch.no_grad():
        torch.testing.assert_close(rows(feats), encoder(feats), rtol=1e-4, atol=1e-4)
        lengths = torch.tensor([frames, frames, 5])
        torch.testing.assert_close(rows(feats, lengths), encoder(feats, lengths), rtol=1e-4, atol=1e-4)


def test_the_encoder_is_left_as_it_was(encoder) -> None:
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    EcapaRows(encoder)
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
