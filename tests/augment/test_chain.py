"""The chain: probabilities, order, presets, and every mistake in a configuration by its name."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
        ({"nosie": {}}, "unknown augmentation 'nosie'; the known ones are: babble, band, clip"),
        ({"noise": {"probe": 1}}, r"augment\.noise: unknown key 'probe'; .*: categories, folder, memory_mb, prob"),
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
        ({"preset": "stong"}, "unknown augmentation preset 'stong'; the known ones are: none, paper, strong"),
        ("stong", "unknown augmentation preset 'stong'"),
    ],
)
def test_mistakes_are_named(config: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_augmenter(config)


def test_waveform_augmentation_needs_no_torch() -> None:
    code = "import sys, speakerssl.augment, speakerssl.corruption.cross_channel; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
