"""Sections and presets of an augmentation: what each builds, and every mistake by its name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speakerssl.augment import PRESETS, build_augmenter
from speakerssl.augment.augment_config import SECTIONS
from speakerssl.errors import InputError


def voice(rng: np.random.Generator, samples: int) -> np.ndarray:
    return 1000 * rng.standard_normal(samples).astype(np.float32)


ROOMS = {"reverb": {"rooms": 4}}


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_every_section_works_without_any_corpus(name: str, wave: np.ndarray) -> None:
    augmenter = build_augmenter({name: ROOMS.get(name, {})}, voice)
    first, second = (augmenter(wave, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == wave.shape
    assert first.dtype == np.float32
    assert np.isfinite(first).all()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets(preset: str, wave: np.ndarray, tmp_path: Path) -> None:
    config = {"preset": preset, **(ROOMS if preset != "none" else {})}
    augmenter = build_augmenter(config, voice, tmp_path)
    first, second = (augmenter(wave, np.random.default_rng(seed)) for seed in (1, 2))
    assert first.shape == second.shape == wave.shape
    assert np.array_equal(first, second) == (preset == "none")


def test_the_paper_preset_puts_noise_and_a_room_on_every_crop() -> None:
    stages = build_augmenter({"preset": "paper", **ROOMS}).stages
    assert [(stage.name, stage.prob) for stage in stages] == [("reverb", 1.0), ("noise", 1.0)]


def test_the_bank_of_rooms_is_kept_in_the_cache(tmp_path: Path) -> None:
    build_augmenter(ROOMS, cache_dir=tmp_path / "cache", seed=9)
    assert (tmp_path / "cache" / "rooms-4-9.npz").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"nosie": {}}, "unknown augmentation 'nosie'; the known ones are: babble, band, choose, clip"),
        (
            {"noise": {"probe": 1}},
            r"augment\.noise: unknown key 'probe'; .*: categories, folder, memory_mb, piece_seconds",
        ),
        ({"noise": {"prob": 1.5}}, r"augment\.noise\.prob: 1\.5 is no probability"),
        ({"noise": {"prob": "often"}}, r"augment\.noise\.prob: expected a finite number"),
        ({"noise": {"snr": [15, 0]}}, r"augment\.noise\.snr: expected \[low, high\]"),
        ({"noise": {"snr": {"music": 3}}}, r"augment\.noise\.snr\.music: expected \[low, high\]"),
        ({"noise": {"folder": 3}}, r"augment\.noise\.folder: expected text"),
        ({"noise": {"folder": "/nowhere/at/all"}}, "/nowhere/at/all: is not a folder"),
        ({"reverb": {"folder": "/nowhere/at/all"}}, "/nowhere/at/all: is not a folder"),
        ({"reverb": {"rooms": 1.5}}, r"augment\.reverb\.rooms: expected a whole number"),
        ({"reverb": {"rooms": 0}}, "at least one room"),
        ({"codec": {"kinds": ["opsu"]}}, "unknown codec 'opsu'"),
        ({"codec": {"kinds": 3}}, r"augment\.codec\.kinds: expected a list"),
        ({"babble": {}}, r"augment\.babble: needs other recordings"),
        ({"noise": 0.5}, r"augment\.noise: expected options such as"),
        (
            {"preset": "stong"},
            r"unknown augmentation preset 'stong'; the known ones are: 3dspeaker, none, .*strong",
        ),
        ("stong", "unknown augmentation preset 'stong'"),
    ],
)
def test_mistakes_are_named(config: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_augmenter(config)


def test_sslsv_is_the_reference_formula(make_audio: Callable[..., Path], tmp_path: Path) -> None:
    """Noise, then room: the draws of the chain replayed, the arithmetic as the reference prints it, on [-1, 1]."""
    rng = np.random.default_rng(3)
    noise = (1500 * rng.standard_normal(16000 * 17)).round()
    make_audio("musan/music/a/one.wav", noise)
    response = np.exp(-np.arange(2000) / 300.0) * rng.standard_normal(2000)
    response[:50] = 0.0
    rir = make_audio("RIRS_NOISES/simulated_rirs/smallroom/Room001/r.wav", 9000 * response / np.abs(response).max())
    make_audio("RIRS_NOISES/real_rirs_isotropic_noises/real_rir.wav", np.eye(1, 100)[0] * 9000)
    config = {"preset": "sslsv", "noise": {"folder": str(tmp_path)}, "reverb": {"folder": str(tmp_path)}}
    augmenter = build_augmenter(config)
    assert [stage.name for stage in augmenter.stages] == ["noise", "reverb"]
    wave = np.float32(300) * np.random.default_rng(5).standard_normal(32000).astype(np.float32)
    result = augmenter(wave, np.random.default_rng(7))

    replay = np.random.default_rng(7)
    replay.random()  # the chance of noise
    replay.integers(1)  # the category
    piece = int(replay.integers(2))  # two pieces of 8 s; the last second is dropped
    start = int(replay.integers(16000 * 8 - 32000 + 1))
    cut = noise[piece * 128000 + start : piece * 128000 + start + 32000] / 32768
    audio = wave.astype(np.float64) / 32768
    clean_db = 10 * np.log10(np.mean(audio**2) + 1e-4)
    noise_db = 10 * np.log10(np.mean(cut**2) + 1e-4)
    noisy = audio + np.sqrt(10 ** ((clean_db - noise_db - replay.uniform(5, 15)) / 10)) * cut
    taps = soundfile.read(rir)[0]
    expected = np.convolve(noisy, taps / np.sqrt(np.sum(taps**2)))[:32000] * 32768
    np.testing.assert_allclose(result, expected, atol=0.05)
    assert np.abs(result[:40]).max() < 1e-2  # the delay of the response is kept
