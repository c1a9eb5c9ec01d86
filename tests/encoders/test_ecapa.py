"""ECAPA-TDNN: speechbrain's own numbers, and reflections at each recording's end."""

from typing import Any

import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.masking import reflect_ends


def test_published_size_and_speechbrain_numbers():
    torch.manual_seed(0)
    encoder: Any = build_encoder("ecapa_tdnn", 80).eval()
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 6_194_048
    feats = torch.randn(2, 50, 80)
    with torch.no_grad():
        torch.testing.assert_close(encoder(feats), encoder.network(feats)[:, 0], atol=0, rtol=0)
        # the same weights in a network built by speechbrain's own constructor
        from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

        reference = ECAPA_TDNN(80, lin_neurons=192, channels=[512, 512, 512, 512, 1536]).eval()
        reference.load_state_dict(encoder.network.state_dict())
        torch.testing.assert_close(encoder(feats), reference(feats)[:, 0], atol=0, rtol=0)


def test_reflection_equals_torch_padding_of_each_row():
    x = torch.randn(3, 2, 14, generator=torch.Generator().manual_seed(0))
    lengths = [10, 7, 5]
    reflected = reflect_ends(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        expected = torch.nn.functional.pad(x[row : row + 1, :, :length], (0, 4), mode="reflect")
        torch.testing.assert_close(reflected[row : row + 1, :, : length + 4], expected, atol=0, rtol=0)


def test_lengths_do_not_stay_behind_after_an_error(small_encoder):
    encoder = small_encoder("ecapa_tdnn")
    feats = torch.randn(2, 40, 20, generator=torch.Generator().manual_seed(0))
    expected = encoder(feats)
    handle = encoder.network.fc.register_forward_pre_hook(lambda module, inputs: 1 / 0)
    try:
        encoder(feats, torch.tensor([40, 20]))
    except ZeroDivisionError:
        handle.remove()
    torch.testing.assert_close(encoder(feats), expected, atol=0, rtol=0)
