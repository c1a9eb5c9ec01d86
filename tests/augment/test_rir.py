"""Room responses: the direct path is found, folders of all layouts are read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speakerssl.augment.rir import RirFolder, exponential_rir, make_rir, read_rirs
from speakerssl.errors import InputError

MakeAudio = Callable[..., Path]


def response(direct: int, reflection: float = 0.5, length: int = 4000) -> np.ndarray:
    samples = np.zeros(length)
    samples[direct], samples[direct + 300] = 1.0, reflection
    return samples


@pytest.mark.parametrize("direct", [0, 5, 40, 2000])
def test_direct_path(direct: int) -> None:
    rir = make_rir(3.0 * response(direct))
    assert rir.samples[rir.direct] == pytest.approx(1.0)
    assert rir.direct == min(direct, 40)
    assert rir.samples[rir.direct + 300] == pytest.approx(0.5)
    assert len(rir.samples) == rir.direct + 301  # nothing audible follows


def test_a_reflection_louder_than_the_direct_path_is_not_taken_for_it() -> None:
    rir = make_rir(response(100, reflection=-1.6))
    assert rir.samples[rir.direct] == pytest.approx(1.0)
    assert rir.samples[rir.direct + 300] == pytest.approx(-1.6)


def test_silence_is_no_response() -> None:
    with pytest.raises(InputError, match="silent"):
        make_rir(np.zeros(10))


def test_exponential_response_decays_with_its_time() -> None:
    rir = exponential_rir(np.random.default_rng(0), (0.5, 0.5), (0.0, 0.0))
    tail = rir.samples[rir.direct + 1 :].astype(float) ** 2
    decay = 10 * np.log10(tail[1600:2400].mean() / tail[4800:5600].mean())
    assert decay == pytest.approx(60 * 0.2 / 0.5, abs=1.5)
    assert np.sum(tail) == pytest.approx(1.0, rel=0.01)


def test_channels_and_rates(make_audio: MakeAudio) -> None:
    stereo = np.stack([response(50), response(50, 0.9)], axis=1) * 16000
    first, second = read_rirs(make_audio("two.wav", stereo))
    assert second.samples[second.direct + 300] > first.samples[first.direct + 300]
    # Twice the rate: the reflection arrives at half as many samples.
    (fast,) = read_rirs(make_audio("fast.wav", response(100) * 16000, 32000))
    assert np.argmax(np.abs(fast.samples[fast.direct + 20 :])) == pytest.approx(130, abs=1)


def test_rirs_noises_layout(make_audio: MakeAudio, tmp_path: Path) -> None:
    root = "RIRS_NOISES"
    make_audio(f"{root}/simulated_rirs/smallroom/Room001/Room001-00001.wav", response(10) * 9999)
    make_audio(f"{root}/real_rirs_isotropic_noises/RVB2014_type1_rir_largeroom1.wav", response(10) * 9999)
    make_audio(f"{root}/real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1.wav")
    make_audio(f"{root}/pointsource_noises/noise-free-sound-0000.wav")
    for folder in (tmp_path, tmp_path / root):
        rirs = RirFolder(folder)
        assert [path.name for path in rirs.files] == ["Room001-00001.wav", "RVB2014_type1_rir_largeroom1.wav"]
    assert rirs.draw(np.random.default_rng(0)).samples.dtype == np.float32


def test_a_folder_that_is_none_is_named(tmp_path: Path, make_audio: MakeAudio) -> None:
    with pytest.raises(InputError, match="nowhere: is not a folder"):
        RirFolder(tmp_path / "nowhere")
    make_audio("silent.wav", np.zeros(100))
    with pytest.raises(InputError, match=r"silent\.wav: is silent"):
        RirFolder(tmp_path).draw(np.random.default_rng(0))


def test_recorded_responses_are_read(shared_data: Path) -> None:
    rirs = RirFolder(shared_data / "noise" / "rir")
    assert len(rirs) == 7
    channels = [rir for index in range(7) for rir in rirs.channels(index)]
    assert len(channels) >= 7
    for rir in channels:
        assert rir.direct <= 40
        assert abs(rir.samples[rir.direct]) == pytest.approx(1.0, abs=1e-5)
