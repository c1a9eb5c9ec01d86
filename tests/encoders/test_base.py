"""What holds for every encoder of the registry: masks, batches, gradients, and clear errors."""

import copy

import pytest
import torch

from speakerssl.encoders import ENCODERS, build_encoder
from speakerssl.errors import InputError

FEAT_DIM = 20
ALL = sorted(ENCODERS)
LENGTHS = [77, 76, 50, 33, 16, 15]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    feats = torch.randn(len(LENGTHS), max(LENGTHS), FEAT_DIM, generator=generator) + 1.0
    return feats, torch.tensor(LENGTHS)


@pytest.mark.parametrize("name", ALL)
def test_padded_recording_gives_the_embedding_of_the_unpadded_one(name, small_encoder, batch):
    encoder = small_encoder(name)
    feats, lengths = batch
    embeddings = encoder(feats, lengths)
    assert embeddings.shape == (len(LENGTHS), encoder.embed_dim)
    for row, length in enumerate(LENGTHS):
        alone = encoder(feats[row : row + 1, :length])
        torch.testing.assert_close(embeddings[row : row + 1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ALL)
def test_padding_is_ignored_whatever_its_size_and_content(name, small_encoder, batch):
    encoder = small_encoder(name).double()
    feats, lengths = batch[0].double(), batch[1]
    longer = torch.full((len(LENGTHS), 120, FEAT_DIM), float("nan"), dtype=torch.float64)
    longer[:, : feats.shape[1]] = feats
    for row, length in enumerate(LENGTHS):
        longer[row, length:] = float("nan")
    # ECAPA's relative lengths are float32 in speechbrain; all else is exact to rounding.
    torch.testing.assert_close(encoder(longer, lengths), encoder(feats, lengths), atol=1e-7, rtol=0)


@pytest.mark.parametrize("name", ALL)
def test_full_lengths_are_no_lengths(name, small_encoder, batch):
    encoder = small_encoder(name)
    full = torch.full((len(LENGTHS),), max(LENGTHS))
    torch.testing.assert_close(encoder(batch[0], full), encoder(batch[0]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ALL)
def test_same_output_in_a_batch_or_alone(name, small_encoder, batch):
    encoder = small_encoder(name)
    together = encoder(batch[0])
    alone = torch.cat([encoder(row[None]) for row in batch[0]])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert (together[0] - together[1]).abs().max() > 1e-3  # and the recordings are told apart


@pytest.mark.parametrize("name", [name for name in ALL if name != "ecapa_tdnn"])
def test_batch_statistics_in_training_leave_out_the_padding(name, small_encoder):
    generator = torch.Generator().manual_seed(2)
    feats = torch.randn(4, 40, FEAT_DIM, generator=generator)
    padded = torch.nn.functional.pad(feats, (0, 0, 0, 25), value=7.0)
    plain, masked = small_encoder(name, train=True), small_encoder(name, train=True)
    expected = plain(feats)
    torch.testing.assert_close(masked(padded, torch.full((4,), 40)), expected, atol=1e-4, rtol=1e-4)
    for (key, value), other in zip(plain.state_dict().items(), masked.state_dict().values()):
        torch.testing.assert_close(other, value, atol=1e-5, rtol=1e-4, msg=key)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_gradients_reach_every_parameter_and_the_features(name, masked, small_encoder, batch):
    encoder = small_encoder(name, train=True)
    feats = batch[0].clone().requires_grad_()
    embeddings = encoder(feats, batch[1] if masked else None)
    (embeddings * torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(3))).sum().backward()
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.requires_grad, key
        assert parameter.grad.abs().sum() > 0, key
    assert torch.isfinite(feats.grad).all()
    if masked:
        assert feats.grad[-1, LENGTHS[-1] :].abs().max() == 0


@pytest.mark.parametrize("name", ALL)
def test_ten_frames_give_an_embedding_or_a_clear_error(name, small_encoder):
    encoder = small_encoder(name)
    feats = torch.randn(2, 10, FEAT_DIM, generator=torch.Generator().manual_seed(4))
    if encoder.min_frames <= 10:
        assert torch.isfinite(encoder(feats)).all()
        assert torch.isfinite(encoder(feats, torch.tensor([10, encoder.min_frames]))).all()
    else:
        with pytest.raises(InputError, match=f"at least {encoder.min_frames} frames, not 10"):
            encoder(feats)


@pytest.mark.parametrize("name", ALL)
def test_shortest_recording_works_and_one_frame_less_does_not(name, small_encoder):
    encoder = small_encoder(name)
    shortest = encoder.min_frames
    feats = torch.randn(2, 40, FEAT_DIM, generator=torch.Generator().manual_seed(5))
    assert torch.isfinite(encoder(feats[:, :shortest])).all()
    if shortest > 1:
        with pytest.raises(InputError, match="frames"):
            encoder(feats, torch.tensor([40, shortest - 1]))


@pytest.mark.parametrize("name", ALL)
def test_state_and_copies_give_the_same_embeddings(name, small_encoder, batch):
    encoder = small_encoder(name)
    expected = encoder(*batch)
    other = small_encoder(name)
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    other.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(other(*batch), expected, atol=0, rtol=0)
    torch.testing.assert_close(copy.deepcopy(encoder)(*batch), expected, atol=0, rtol=0)


@pytest.mark.parametrize("name", ALL)
def test_bfloat16_autocast_stays_close(name, small_encoder, batch):
    encoder = small_encoder(name)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half = encoder(*batch).float()
    similarity = torch.cosine_similarity(half, encoder(*batch))
    # Fifty random layers: 0.9895 on a processor that imitates bfloat16.
    assert similarity.min() > (0.98 if name == "rvector_resnet" else 0.99)


@pytest.mark.parametrize(
    ("shape", "lengths", "message"),
    [
        ((2, 30, 19), None, "takes features .batch, frames, 20."),
        ((30, 20), None, "takes features"),
        ((2, 30, 20), [30, 31], "from 1 to 30 frames, not 30 to 31"),
        ((2, 30, 20), [0, 30], "from 1 to 30 frames, not 0 to 30"),
        ((2, 30, 20), [30], "must be 2 integers"),
        ((2, 30, 20), [1.0, 0.5], "must be 2 integers"),
    ],
)
def test_wrong_features_and_lengths_are_named(shape, lengths, message):
    encoder = build_encoder("small_tdnn", FEAT_DIM, channels=8)
    with pytest.raises(InputError, match=message):
        encoder(torch.zeros(shape), None if lengths is None else torch.tensor(lengths))
