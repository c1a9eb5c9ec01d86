"""FBank, MFCC and PLP against Kaldi's own numbers.

All agree within 1e-3 but where float32 itself forbids it: `utt2` holds bins some 24 nats below the peak of their
frame, below the rounding of the Fourier transform (Kaldi's own numbers are as far from a float64 computation).
There the bound for the single worst value is the one in BOUNDS, and all but a thousandth keep 1e-3 in FBank.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from speakerssl.features import Fbank, Mfcc, Plp

RECORDINGS = ("utt1", "utt2", "utt3", "silence", "clip400")
WIDE = {"num_ceps": 30, "lpc_order": 29, "num_mel_bins": 40}
VOX = {"num_ceps": 30, "num_mel_bins": 30, "high_freq": 7600}
FBANK: dict[str, dict[str, Any]] = {
    "fbank_a": {},
    "fbank_b": {"num_mel_bins": 80, "low_freq": 20, "high_freq": 7600},
    "fbank_c": {"num_mel_bins": 40, "window_type": "hamming", "snip_edges": False},
    "fbank_d": {"num_mel_bins": 80, "use_energy": True},
    "fbank_e": {"window_type": "hanning", "use_power": False},
    "fbank_f": {"use_log_fbank": False},
    "fbank_g": {
        "htk_compat": True,
        "use_energy": True,
        "preemphasis_coefficient": 0,
        "remove_dc_offset": False,
    },
    "fbank_rectangular": {"window_type": "rectangular"},
    "fbank_sine": {"window_type": "sine"},
    "fbank_blackman": {"window_type": "blackman"},
    "fbank_nopow2": {"round_to_power_of_two": False},
    "fbank_energyfloor": {"use_energy": True, "raw_energy": False, "energy_floor": 1.0},
    "fbank_vtln": {"vtln_warp": 1.1},
    "fbank_20_5_nosnip": {"frame_length": 20, "frame_shift": 5, "snip_edges": False},
}
MFCC: dict[str, dict[str, Any]] = {
    "mfcc_a": {},
    "mfcc_a_noenergy": {"use_energy": False},
    "mfcc_b": {**VOX, "use_energy": False},
    "mfcc_b_energy": VOX,
    "mfcc_voxceleb": {**VOX, "snip_edges": False},
    "mfcc_htk": {"htk_compat": True},
    "mfcc_htk_noenergy": {"htk_compat": True, "use_energy": False},
    "mfcc_nolifter": {"cepstral_lifter": 0, "use_energy": False},
}
PLP: dict[str, dict[str, Any]] = {
    "plp_a": {},
    "plp_a_noenergy": {"use_energy": False},
    "plp_a_lifter0": {"cepstral_lifter": 0},
    "plp_a_noenergy_lifter0": {"use_energy": False, "cepstral_lifter": 0},
    "plp_b": WIDE,
    "plp_b_noenergy": {**WIDE, "use_energy": False},
    "plp_b_noenergy_lifter0": {**WIDE, "use_energy": False, "cepstral_lifter": 0},
    "plp_compress": {"compress_factor": 0.5, "use_energy": False},
    "plp_htk": {"htk_compat": True},
    "plp_htk_noenergy": {"htk_compat": True, "use_energy": False},
}
BOUNDS = {
    **{("utt2", name): 2e-2 for name in ("fbank_b", "fbank_d")},
    ("utt2", "fbank_nopow2"): 4e-3,
    **{("utt2", name): 3e-3 for name in ("mfcc_b", "mfcc_b_energy", "mfcc_voxceleb", "plp_b", "plp_b_noenergy")},
    # The README's own distance for 13 MFCCs is 7e-4, torchaudio's 1.1e-3.
    **{("utt2", name): 1.5e-3 for name in ("mfcc_a", "mfcc_a_noenergy", "mfcc_htk", "mfcc_htk_noenergy")},
    ("utt2", "plp_compress"): 2.5e-3,
}


def wave_of(golden: Mapping[str, NDArray], recording: str) -> torch.Tensor:
    return torch.from_numpy(golden[f"{recording}/wave"].astype(np.float32))


def distances(golden: Mapping[str, NDArray], recording: str, name: str, module: torch.nn.Module) -> NDArray:
    ours = module(wave_of(golden, recording)).numpy()
    kaldis = golden[f"{recording}/{name}"]
    assert ours.shape == kaldis.shape
    assert np.isfinite(ours).all()
    return np.abs(ours.astype(np.float64) - kaldis)


@pytest.mark.parametrize("recording", RECORDINGS)
@pytest.mark.parametrize("name", FBANK)
def test_fbank(golden: Mapping[str, NDArray], name: str, recording: str) -> None:
    module = Fbank(**{"num_mel_bins": 23, **FBANK[name]})
    apart = distances(golden, recording, name, module)
    if name == "fbank_f":
        # Linear energies reach 8e11: the distance is relative to the largest.
        assert apart.max() <= 1e-5 * golden[f"{recording}/{name}"].max()
        return
    assert apart.max() < BOUNDS.get((recording, name), 1e-3)
    assert np.quantile(apart, 0.999) < 1e-3


@pytest.mark.parametrize("name", ["fbank_b", "fbank_d", "fbank_nopow2"])
def test_only_bins_far_below_the_peak_are_further_apart(golden: Mapping[str, NDArray], name: str) -> None:
    apart = distances(golden, "utt2", name, Fbank(**{"num_mel_bins": 23, **FBANK[name]}))
    kaldis = golden[f"utt2/{name}"]
    below_peak = kaldis.max(axis=1, keepdims=True) - kaldis
    assert below_peak[apart > 1e-3].min() > 15


@pytest.mark.parametrize("recording", RECORDINGS)
@pytest.mark.parametrize("name", MFCC)
def test_mfcc(golden: Mapping[str, NDArray], name: str, recording: str) -> None:
    apart = distances(golden, recording, name, Mfcc(**MFCC[name]))
    assert apart.max() < BOUNDS.get((recording, name), 1e-3)


@pytest.mark.parametrize("recording", [name for name in RECORDINGS if name != "silence"])
@pytest.mark.parametrize("name", PLP)
def test_plp(golden: Mapping[str, NDArray], name: str, recording: str) -> None:
    apart = distances(golden, recording, name, Plp(**PLP[name]))
    assert apart.max() < BOUNDS.get((recording, name), 1e-3)


@pytest.mark.parametrize("name", PLP)
def test_plp_of_silence_is_zero_where_kaldis_is_nan_and_equal_elsewhere(
    golden: Mapping[str, NDArray], name: str
) -> None:
    ours = Plp(**PLP[name])(wave_of(golden, "silence")).numpy()
    kaldis = golden[f"silence/{name}"]
    undefined = np.isnan(kaldis)
    assert undefined.any()
    assert np.abs(ours[undefined]).max() < 1e-4
    assert np.array_equal(ours[~undefined], kaldis[~undefined])
