"""Noise is added at the ratio that was asked for, from whatever folder there is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speakerssl.augment.levels import power
from speakerssl.augment.noise import SNR_RANGES, AdditiveNoise, Babble, Voices, noise_sources
from speakerssl.augment.pool import AudioPool
from speakerssl.augment.synthetic_noise import KINDS, SyntheticNoise
from speakerssl.errors import InputError

MakeAudio = Callable[..., Path]


def achieved_snr(clean: np.ndarray, noisy: np.ndarray) -> float:
    return 10 * np.log10(power(clean) / power(noisy - clean))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("snr", [-5.0, 0.0, 15.0])
def test_the_ratio_is_the_asked_one(wave: np.ndarray, rng: np.random.Generator, kind: str, snr: float) -> None:
    noisy = AdditiveNoise({"noise": SyntheticNoise([kind])}, {"noise": (snr, snr)})(wave, rng)
    assert noisy.shape == wave.shape
    assert noisy.dtype == np.float32
    assert achieved_snr(wave, noisy) == pytest.approx(snr, abs=0.1)


def test_ratios_fill_the_range_of_their_category(wave: np.ndarray, rng: np.random.Generator) -> None:
    noise = AdditiveNoise({"noise": SyntheticNoise(["white"]), "music": SyntheticNoise(["white"])})
    assert noise.snr == {"music": SNR_RANGES["music"], "noise": SNR_RANGES["noise"]}
    ratios = [achieved_snr(wave, noise(wave, rng)) for _ in range(100)]
    assert min(ratios) < 2.0
    assert max(ratios) > 13.0
    assert -0.1 <= min(ratios) <= max(ratios) <= 15.1


def test_babble_is_at_its_ratio_and_per_voice_it_is_louder(wave: np.ndarray, make_audio: MakeAudio) -> None:
    rng = np.random.default_rng(5)
    pool = AudioPool([make_audio(f"{i}.wav", 3000 * rng.standard_normal(64000).clip(-5, 5)) for i in range(30)])
    whole = Babble(pool, (15.0, 15.0))(wave, np.random.default_rng(0))
    each = Babble(pool, (15.0, 15.0), (4, 4), snr_per_voice=True)(wave, np.random.default_rng(0))
    assert achieved_snr(wave, whole) == pytest.approx(15.0, abs=0.1)
    assert achieved_snr(wave, each) == pytest.approx(15.0 - 10 * np.log10(4), abs=0.3)


def test_babble_sums_three_to_seven_voices(rng: np.random.Generator) -> None:
    class Counting:
        calls = 0

        def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
            self.calls += 1
            return rng.standard_normal(samples).astype(np.float32)

    counts = set()
    for _ in range(60):
        source = Counting()
        Voices(source).draw(rng, 100)
        counts.add(source.calls)
    assert counts == {3, 4, 5, 6, 7}


def test_silence_stays_silent(rng: np.random.Generator) -> None:
    silence = np.zeros(1000, dtype=np.float32)
    assert not AdditiveNoise({"noise": SyntheticNoise()})(silence, rng).any()


def test_musan_is_read_by_category(make_audio: MakeAudio, tmp_path: Path) -> None:
    for name in ("noise", "speech", "music"):
        make_audio(f"musan/{name}/free-sound/{name}-0001.wav")
    for folder in (tmp_path, tmp_path / "musan"):
        sources = noise_sources(folder)
        assert sorted(sources) == ["music", "noise", "speech"]
        assert isinstance(sources["speech"], Voices)
    assert list(noise_sources(tmp_path, categories=["music"])) == ["music"]
    with pytest.raises(InputError, match=r"'talk' is not in .*; there: music, noise, speech"):
        noise_sources(tmp_path, categories=["talk"])


def test_any_other_folder_is_one_category(make_audio: MakeAudio, tmp_path: Path) -> None:
    make_audio("rain/drops.wav")
    assert list(noise_sources(tmp_path)) == ["noise"]


def test_no_folder_gives_synthetic_noise() -> None:
    assert isinstance(noise_sources(None)["noise"], SyntheticNoise)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: is not a folder"):
        noise_sources(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no audio file"):
        noise_sources(tmp_path)
