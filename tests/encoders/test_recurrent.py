"""The encoder whose embedding is the last state of a recurrent network."""

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.recurrent import RecurrentResNet
from speakerssl.errors import InputError


@pytest.fixture
def encoder() -> RecurrentResNet:
    torch.manual_seed(0)
    return RecurrentResNet(20, channels=4, frame_dim=12, embed_dim=6, layers=2).eval()


def test_the_embedding_is_the_state_after_all_frames(encoder: RecurrentResNet) -> None:
    feats = torch.randn(2, 61, 20)
    with torch.no_grad():
        vectors = encoder.frame_embeddings(feats)
        assert vectors.shape == (2, 16, 12)  # every fourth frame
        states, last = encoder.gru(vectors)
        torch.testing.assert_close(encoder(feats), last[-1])
        torch.testing.assert_close(encoder.aggregate(vectors), states[:, -1])


def test_the_state_is_that_of_the_last_valid_vector(encoder: RecurrentResNet) -> None:
    vectors = torch.randn(3, 9, 12)
    lengths = torch.tensor([9, 4, 1])
    with torch.no_grad():
        found = encoder.aggregate(vectors, lengths)
        for row, length in enumerate(lengths.tolist()):
            torch.testing.assert_close(found[row], encoder.aggregate(vectors[row : row + 1, :length])[0])


@pytest.mark.parametrize("options", [{"layers": 0}, {"embed_dim": 0}])
def test_no_empty_state(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="fast_resnet34_gru: embed_dim and layers must be at least 1"):
        build_encoder("fast_resnet34_gru", 20, **options)
