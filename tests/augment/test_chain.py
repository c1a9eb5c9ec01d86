"""The chain: probabilities, order, presets, and every mistake in a configuration by its name."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speakerssl.augment import PRESETS, build_augmenter
from speakerssl.augment.augment_config import SECTIONS
from speakerssl.augment.chain import Augmenter, Stage
from speakerssl.errors import InputError

ROOMS = {"reverb": {"rooms": 4}}


def voice(rng: np.random.Generator, samples: int) -> np.ndarray:
    return 1000 * rng.standard_normal(samples).astype(np.float32)


def test_each_stage_has_its_own_chance(wave: np.ndarray, rng: np.random.Generator) -> None:
    hits = {"a": 0, "b": 0}

    def counted(name: str) -> Any:
        def stage(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            hits[name] += 1
            return wave

        return stage

    augmenter = Augmenter([Stage("a", 0.2, counted("a")), Stage("b", 0.9, counted("b"))])
    for _ in range(2000):
        augmenter(wave, rng)
    assert hits["a"] / 2000 == pytest.approx(0.2, abs=0.03)
    assert hits["b"] / 2000 == pytest.approx(0.9, abs=0.03)


def test_nothing_asked_is_nothing_done(wave: np.ndarray, rng: np.random.Generator) -> None:
    for config in (None, {}, "none", {"noise": {"prob": 0}}):
        np.testing.assert_array_equal(build_augmenter(config)(wave, rng), wave)


def test_the_order_is_the_way_of_the_sound() -> None:
    config = {"codec": {}, "noise": {}, "equalizer": {}, "speed": {}}
    assert [stage.name for stage in build_augmenter(config).stages] == ["speed", "equalizer", "noise", "codec"]


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_every_section_works_without_any_corpus(name: str, wave: np.ndarray) -> None:
    augmenter = build_augmenter({name: ROOMS.get(name, {})}, voice)
    results = [augmenter(wave, np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(*results)
    assert results[0].shape == wave.shape
    assert results[0].dtype == np.float32
    assert np.isfinite(results[0]).all()


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


def test_a_preset_is_overridden_option_by_option() -> None:
    config = {"preset": "strong", "reverb": {"rooms": 2, "prob": 0.1}, "codec": None}
    stages = {stage.name: stage for stage in build_augmenter(config).stages}
    assert stages["reverb"].prob == 0.1
    assert "codec" not in stages
    assert stages["equalizer"].prob == PRESETS["strong"]["equalizer"]["prob"]
    assert "babble" not in stages  # the preset's, and there is no one to babble


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


def test_waveform_augmentation_needs_no_torch() -> None:
    code = "import sys, speakerssl.augment, speakerssl.corruption.cross_channel; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_order_and_sets_of_stages_are_drawn_as_written() -> None:
    stages = [Stage(name, 1.0, lambda wave, _, i=i: wave + 10.0**i) for i, name in enumerate(("noise", "reverb"))]
    weights = {frozenset(): 1, frozenset({"reverb"}): 3, frozenset({"noise", "reverb"}): 4}
    augmenter, rng = Augmenter(stages, weights), np.random.default_rng(0)
    seen = np.array([augmenter(np.zeros(1, np.float32), rng)[0] for _ in range(4000)])
    for value, share in ((0.0, 1 / 8), (1.0, 0.0), (10.0, 3 / 8), (11.0, 4 / 8)):
        assert np.mean(seen == value) == pytest.approx(share, abs=0.03)
    built = build_augmenter({"noise": {}, **ROOMS, "order": ["noise", "reverb"]})
    assert [stage.name for stage in built.stages] == ["noise", "reverb"]
    assert [stage.name for stage in build_augmenter({"noise": {}, **ROOMS}).stages] == ["reverb", "noise"]
    shares = build_augmenter({"preset": "3dspeaker", **ROOMS}).shares / 24  # none, a room, a noise, both
    np.testing.assert_allclose(np.diff(shares, prepend=0), [1 / 6, 1 / 2 / 4, 1 / 2 * 3 / 4, 1 / 3])
    assert build_augmenter({"noise": {}, "choose": {"none": 1, "noise": 2}}).shares.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"noise": {}, "order": ["reverb"]}, "unknown section in augment.order 'reverb'; the known ones are: noise"),
        ({"noise": {}, "choose": {"babble": 1}}, "unknown section in augment.choose 'babble'; .*: noise, none"),
        ({"noise": {}, "choose": {"noise": -1}}, "augment.choose.noise must be a number from 0"),
        ({"noise": {}, "choose": {"none": 0}}, "no set has a weight above 0"),
    ],
)
def test_mistakes_in_order_and_choose_are_named(config: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("augment.", r"augment\.")):
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


def test_speed_is_drawn_once_for_the_views_of_a_recording() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    factors = [0.8, 0.9, 1.1, 1.25]
    for per_view, distinct in ((False, 1), (True, 4)):
        augmenter = build_augmenter({"speed": {"factors": factors, "per_view": per_view}})
        one, rng = augmenter.for_recording(np.random.default_rng(1)), np.random.default_rng(2)
        heard = {int(np.argmax(np.abs(np.fft.rfft(one(tone, rng)[:12000])))) for _ in range(40)}
        assert len(heard) == distinct
    several = build_augmenter({"speed": {"factors": factors}})
    drawn = {several.for_recording(np.random.default_rng(i)).stages[0].augmentation.factors for i in range(40)}
    assert drawn == {(factor,) for factor in factors}
