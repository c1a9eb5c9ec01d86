"""torchaudio's front end, held against torchaudio itself and against its own definition, frame by frame."""

import math

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.features import TorchaudioMel, TorchaudioMelOptions, num_frames
from speakerssl.features.torchaudio_mel import hertz_banks


def speechlike(samples: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    wave = np.cumsum(rng.standard_normal(samples)) * np.sin(np.arange(samples) / 900.0)
    return torch.from_numpy((3000 * wave / np.abs(wave).max()).astype(np.float32))


@pytest.mark.parametrize("window", ["hamming", "hanning"])
@pytest.mark.parametrize("bins", [40, 80])
@pytest.mark.parametrize("samples", [32000, 63900, 1600])
def test_equals_torchaudio(window: str, bins: int, samples: int) -> None:
    transforms = pytest.importorskip("torchaudio").transforms
    function = torch.hamming_window if window == "hamming" else torch.hann_window
    reference = transforms.MelSpectrogram(
        sample_rate=16000, n_fft=512, win_length=400, hop_length=160, n_mels=bins, window_fn=function
    )
    waves = torch.stack([speechlike(samples), speechlike(samples, 1)])
    frontend = TorchaudioMel(num_mel_bins=bins, window_type=window)
    # In float32 the weakest bands differ with the processor's own FFT, so formulas are held in float64 (windows and
    # triangles were made in float32).
    for dtype, tolerance in ((torch.float64, 2e-4), (torch.float32, 2e-3)):
        frontend, reference, waves = frontend.to(dtype), reference.to(dtype), waves.to(dtype)
        expected = (reference(waves / 32768.0) + 1e-6).log().transpose(1, 2)
        ours = frontend(waves)
        assert ours.shape == expected.shape == (2, 1 + samples // 160, bins)
        torch.testing.assert_close(ours, expected, atol=tolerance, rtol=0)


def test_two_seconds_have_201_frames_and_the_first_is_centred_on_the_first_sample() -> None:
    options = TorchaudioMelOptions()
    assert num_frames(32000, options) == 201
    assert num_frames(torch.tensor([32000, 159]), options).tolist() == [201, 1]
    pulse = torch.zeros(32000)
    pulse[0] = 20000.0
    feats = TorchaudioMel()(pulse)
    assert feats.shape == (201, 40)
    assert feats[0].mean() > feats[1].mean() > feats[3].mean() == pytest.approx(math.log(1e-6))


def test_preemphasis_runs_over_the_whole_recording() -> None:
    wave = speechlike(4000)
    x = wave.double().numpy() / 32768.0
    emphasized = np.array([x[i] - 0.97 * x[i - 1 if i else 1] for i in range(len(x))])
    expected = TorchaudioMel()(torch.from_numpy(emphasized * 32768.0).float())
    torch.testing.assert_close(TorchaudioMel(preemphasis_coefficient=0.97)(wave), expected, atol=2e-3, rtol=0)


def test_a_frame_is_what_its_definition_says() -> None:
    wave, frame = speechlike(8000), 17
    x = wave.double().numpy() / 32768.0
    window = [0.54 - 0.46 * math.cos(2 * math.pi * n / 400) for n in range(400)]
    cut = np.array([x[160 * frame - 200 + n] * window[n] for n in range(400)])
    power = np.array(
        [abs(sum(cut[n] * np.exp(-2j * math.pi * k * n / 512) for n in range(400))) ** 2 for k in range(257)]
    )
    expected = np.log(power @ hertz_banks(TorchaudioMelOptions()).double().numpy() + 1e-6)
    np.testing.assert_allclose(TorchaudioMel().double()(wave)[frame].numpy(), expected, atol=1e-5)


def test_triangles_peak_at_one_over_hertz() -> None:
    options = TorchaudioMelOptions(num_mel_bins=10)
    banks = hertz_banks(options)
    mel = np.linspace(0, 2595 * math.log10(1 + 8000 / 700), 12)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    for number, (low, middle, high) in enumerate(zip(hertz, hertz[1:], hertz[2:])):
        for k in range(257):
            f = k * 16000 / 512
            height = max(0.0, min((f - low) / (middle - low), (high - f) / (high - middle)))
            assert banks[k, number] == pytest.approx(height, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"window_type": "povey"}, "unknown features.window_type 'povey'; the known ones are: hamming, hanning"),
        ({"num_mel_bins": 2}, "num_mel_bins"),
        ({"low_freq": 8000.0}, "low_freq"),
        ({"high_freq": 9000.0}, "high_freq"),
        ({"log_floor": 0.0}, "log_floor"),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named.replace(".", r"\.")):
        TorchaudioMelOptions(**values)  # type: ignore[arg-type]


def test_a_recording_shorter_than_half_a_frame_is_refused() -> None:
    with pytest.raises(InputError, match="200 samples"):
        TorchaudioMel()(torch.zeros(200))
