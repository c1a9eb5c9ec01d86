"""Noises and rooms of the held-out channels: their ratio, and the name of what was drawn."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speakerssl.augment.levels import power
from speakerssl.augment.rir import whole_rir
from speakerssl.corruption.filters import Effect
from speakerssl.corruption.noises import (
    Range,
    decaying_room,
    recorded_noise,
    recorded_room,
    resonances,
    simulated_rooms,
    sirens,
)


@pytest.mark.parametrize("noise", [sirens, resonances])
def test_synthetic_noises_have_their_ratio(
    noise: Callable[[Range], Effect], wave: np.ndarray, rng: np.random.Generator
) -> None:
    noisy, words = noise((7.0, 7.0))(wave, rng)
    assert 10 * np.log10(power(wave) / power(noisy - wave)) == pytest.approx(7.0, abs=0.1)
    assert words.endswith("@7.0dB")


def test_silent_stretches_of_a_file_are_drawn_again(
    make_audio: Callable[..., Path], wave: np.ndarray, tmp_path: Path
) -> None:
    sound = np.zeros(160000, np.float32)
    sound[80000:] = 3000 * np.sin(np.arange(80000))
    path = make_audio("street/tram.wav", sound)
    effect = recorded_noise([path], tmp_path, (5.0, 5.0))
    for seed in range(10):
        noisy, words = effect(wave, np.random.default_rng(seed))
        assert words == "noise=street/tram@5.0dB"
        assert 10 * np.log10(power(wave) / power(noisy - wave)) == pytest.approx(5.0, abs=0.1)


def test_rooms_are_named_by_their_response(make_audio: Callable[..., Path], wave: np.ndarray, tmp_path: Path) -> None:
    make_audio("rir/church.wav", np.r_[np.zeros(50), 20000.0, np.zeros(500), 9000.0])
    rng = np.random.default_rng(0)
    for effect, name in (
        (recorded_room(tmp_path / "rir"), "room=church"),
        (simulated_rooms([whole_rir(np.r_[1.0, np.zeros(400), 0.5])], "hall"), "room=hall00"),
        (decaying_room, "room=decay"),
    ):
        echoing, words = effect(wave, rng)
        assert words == name
        assert echoing.shape == wave.shape
        assert not np.allclose(echoing, wave, rtol=0.01)
