"""ReDimNet: rows and images hold the same values, and a stage weighs those before it."""

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.redimnet import to_row
from speakerssl.errors import InputError


def test_rows_are_all_channels_of_a_bin_after_the_other() -> None:
    image = torch.arange(24.0).reshape(1, 2, 3, 4)
    row = to_row(image)
    assert row.shape == (1, 6, 4)
    assert torch.equal(row[0, 2:4], image[0, :, 1])
    assert torch.equal(row.unflatten(1, (3, 2)).transpose(1, 2), image)


@pytest.mark.parametrize(
    ("bins", "options", "message"),
    [
        (60, {"variant": "b9"}, "variant is 'b9'; it can be b0, b1, b2"),
        (61, {"variant": "b0"}, "do not divide evenly"),
        (72, {"variant": "b1", "channels": 13}, "do not divide evenly"),
    ],
)
def test_impossible_sizes(bins: int, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_encoder("redimnet", bins, **options)
