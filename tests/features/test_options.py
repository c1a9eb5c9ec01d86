"""Wrong options are errors that name the option and what it may be."""

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.features import Fbank, FbankOptions, FrameOptions, MfccOptions, PlpOptions, fbank, make_options


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        (FrameOptions, {"sample_frequency": 0}, "sample_frequency"),
        (FrameOptions, {"frame_length": 0.05}, "frame_length"),
        (FrameOptions, {"frame_shift": 0.0}, "frame_shift"),
        (FrameOptions, {"frame_shift": float("nan")}, "frame_shift"),
        (FrameOptions, {"frame_length": 20.1, "round_to_power_of_two": False}, "frame_length"),
        (FrameOptions, {"dither": -1.0}, "dither"),
        (FrameOptions, {"preemphasis_coefficient": 1.5}, "preemphasis_coefficient"),
        (FrameOptions, {"window_type": "hann"}, "hanning"),
        (FrameOptions, {"snip_edges": "false"}, "snip_edges"),
        (FbankOptions, {"num_mel_bins": 2}, "num_mel_bins"),
        (FbankOptions, {"num_mel_bins": 40.0}, "num_mel_bins"),
        (FbankOptions, {"num_mel_bins": True}, "num_mel_bins"),
        (FbankOptions, {"low_freq": -1.0}, "low_freq"),
        (FbankOptions, {"low_freq": 8000.0}, "low_freq"),
        (FbankOptions, {"high_freq": 8001.0}, "high_freq"),
        (FbankOptions, {"high_freq": -7990.0}, "high_freq"),
        (FbankOptions, {"energy_floor": -1.0}, "energy_floor"),
        (FbankOptions, {"vtln_warp": 0.0}, "vtln_warp"),
        (FbankOptions, {"vtln_warp": 1.1, "vtln_low": 10.0}, "vtln_low"),
        (FbankOptions, {"vtln_warp": 1.1, "vtln_high": 8000.0}, "vtln_high"),
        (MfccOptions, {"num_ceps": 24}, "num_ceps"),
        (MfccOptions, {"num_ceps": 0}, "num_ceps"),
        (MfccOptions, {"cepstral_lifter": -22.0}, "cepstral_lifter"),
        (PlpOptions, {"num_ceps": 14}, "lpc_order"),
        (PlpOptions, {"lpc_order": 0, "num_ceps": 1}, "lpc_order"),
        (PlpOptions, {"compress_factor": 0.0}, "compress_factor"),
    ],
)
def test_a_wrong_value_is_an_error_of_one_line(kind: type, values: dict, named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        kind(**values)
    assert "\n" not in str(caught.value)


def test_a_filter_without_a_frequency_is_an_error() -> None:
    with pytest.raises(InputError, match="num_mel_bins=256"):
        Fbank(num_mel_bins=256)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'num_mels'.*num_mel_bins"):
        make_options(FbankOptions, {"num_mels": 40})
    with pytest.raises(InputError, match="num_mel_bins"):
        fbank(torch.zeros(400), num_mels=40)


def test_whole_numbers_are_taken_where_a_float_is_meant_and_equal_options_are_equal() -> None:
    assert FbankOptions(low_freq=20, frame_length=25) == FbankOptions(low_freq=20.0)
    assert len({FbankOptions(low_freq=20), FbankOptions(low_freq=20.0)}) == 1


def test_frequencies_may_be_offsets_from_nyquist() -> None:
    assert FbankOptions(high_freq=-400).high_edge == FbankOptions(high_freq=7600).high_edge == 7600
    assert FbankOptions(sample_frequency=8000).high_edge == 4000


def test_names_change_the_values_of_given_options() -> None:
    options = Fbank(FbankOptions(num_mel_bins=40, low_freq=60.0), window_type="hamming").options
    assert (options.num_mel_bins, options.low_freq, options.window_type) == (40, 60.0, "hamming")


@pytest.mark.parametrize(
    ("options", "dimension"),
    [
        (FbankOptions(), 80),
        (FbankOptions(num_mel_bins=40, use_energy=True), 41),
        (MfccOptions(), 13),
        (PlpOptions(num_ceps=10), 10),
    ],
)
def test_feature_dim(options: FbankOptions, dimension: int) -> None:
    assert options.feature_dim == dimension
