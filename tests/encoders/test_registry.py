"""Encoders by name: what is built, and what a typo gets."""

import subprocess
import sys

import pytest

from speakerssl.encoders import ENCODERS, Encoder, build_encoder, encoder_options, register
from speakerssl.errors import InputError

NAMES = {
    "ecapa_tdnn",
    "fast_resnet34",
    "rvector_resnet34",
    "small_resnet",
    "small_tdnn",
    "thin_resnet34",
    "thin_resnet34_large",
    "xvector",
}


def test_all_encoders_are_registered():
    assert set(ENCODERS) >= NAMES


def test_unknown_name_lists_the_names_that_exist():
    with pytest.raises(InputError, match=r"unknown encoder 'thin_resnet'; .*fast_resnet34, .*thin_resnet34, .*xvector"):
        build_encoder("thin_resnet", 40)


def test_unknown_option_lists_the_valid_ones():
    with pytest.raises(InputError, match=r"encoder small_tdnn: unknown key 'chanels'; .*: .*channels, .*stride"):
        build_encoder("small_tdnn", 40, chanels=64)


@pytest.mark.parametrize(
    "options",
    [{"channels": "64"}, {"channels": 64.5}, {"se": 1}, {"channels": True}, {"dilations": 2}, {"dilations": ["1"]}],
)
def test_value_of_the_wrong_type_names_the_option(options):
    (key,) = options
    with pytest.raises(InputError, match=rf"encoder small_tdnn\.{key}: expected "):
        build_encoder("small_tdnn", 40, **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("small_tdnn", {"channels": 0}, "at least 1"),
        ("small_tdnn", {"kernel_size": 8}, "odd"),
        ("small_tdnn", {"dilations": []}, "at least 1"),
        ("small_tdnn", {"aggregate_dim": -1}, "aggregate_dim"),
        ("small_tdnn", {"embed_dim": 0}, "embed_dim must be at least 1"),
        ("small_tdnn", {"pooling": "max"}, "unknown pooling 'max'; .*attentive_statistics"),
        ("thin_resnet34", {"channels": 0}, "channels must be at least 1"),
        ("small_resnet", {"channels": 4}, "multiple of 8"),
        ("small_resnet", {"counts": [1, 1]}, "as many of one as of the other"),
        ("small_resnet", {"stem_stride": [0, 4]}, "at least 1"),
        ("xvector", {"dilations": [1, 2]}, "as many"),
        ("ecapa_tdnn", {"channels": 12}, "multiple of res2net_scale"),
    ],
)
def test_impossible_values_get_one_clear_line(name, options, message):
    with pytest.raises(InputError, match=message) as error:
        build_encoder(name, 40, **options)
    assert "\n" not in str(error.value)


def test_options_and_defaults_can_be_listed():
    assert encoder_options("thin_resnet34")["channels"] == 16
    assert "feat_dim" not in encoder_options("xvector")


def test_a_new_encoder_is_one_registered_class():
    @register("mean_of_features")
    class MeanOfFeatures(Encoder):
        def __init__(self, feat_dim: int) -> None:
            super().__init__(feat_dim, feat_dim)

    try:
        assert build_encoder("mean_of_features", 40).embed_dim == 40
        with pytest.raises(InputError, match="known ones are: none"):
            build_encoder("mean_of_features", 40, channels=1)
    finally:
        del ENCODERS["mean_of_features"]


def test_speechbrain_is_imported_only_where_it_is_used():
    code = "import sys, speakerssl.encoders; sys.exit('speechbrain' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
