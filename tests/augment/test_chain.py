"""The chain: probabilities, order, presets, and every mistake in a configuration by its name."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from speakerssl.augment import PRESETS, build_augmenter
from speakerssl.augment.chain import Augmenter, Stage
from speakerssl.errors import InputError

ROOMS = {"reverb": {"rooms": 4}}


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
    config: dict[str, Any] = {"codec": {}, "noise": {}, "equalizer": {}, "speed": {}}
    assert [stage.name for stage in build_augmenter(config).stages] == ["speed", "equalizer", "noise", "codec"]


def test_a_preset_is_overridden_option_by_option() -> None:
    config = {"preset": "strong", "reverb": {"rooms": 2, "prob": 0.1}, "codec": None}
    stages = {stage.name: stage for stage in build_augmenter(config).stages}
    assert stages["reverb"].prob == 0.1
    assert "codec" not in stages
    assert stages["equalizer"].prob == PRESETS["strong"]["equalizer"]["prob"]
    assert "babble" not in stages  # the preset's, and there is no one to babble


def test_waveform_augmentation_needs_no_torch() -> None:
    code = "import sys, speakerssl.augment, speakerssl.corruption.cross_channel; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_order_and_sets_of_stages_are_drawn_as_written() -> None:
    stages = [Stage("noise", 1.0, lambda wave, _: wave + 1.0), Stage("reverb", 1.0, lambda wave, _: wave + 10.0)]
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


def test_speed_is_drawn_once_for_the_views_of_a_recording() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    factors = [0.8, 0.9, 1.1, 1.25]
    for per_view, distinct in ((False, 1), (True, 4)):
        augmenter = build_augmenter({"speed": {"factors": factors, "per_view": per_view}})
        one, rng = augmenter.for_recording(np.random.default_rng(1)), np.random.default_rng(2)
        heard = {int(np.argmax(np.abs(np.fft.rfft(one(tone, rng)[:12000])))) for _ in range(40)}
        assert len(heard) == distinct
    several = build_augmenter({"speed": {"factors": factors}})
    speeds: list[Any] = [several.for_recording(np.random.default_rng(i)).stages[0].augmentation for i in range(40)]
    drawn = {speed.factors for speed in speeds}
    assert drawn == {(factor,) for factor in factors}
