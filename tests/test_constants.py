"""What several rooms agree on holds in files that others write."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.constants import FULL_SCALE, HALF_SUFFIXES, SAMPLE_RATE
from speakerssl.corruption.validation import make_validation
from speakerssl.data.audio import read_audio
from speakerssl.features.filter_bank import Fbank


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_full_scale_sample_has_the_same_magnitude_in_every_format(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([-1.0, 0.0, 0.5] * 1000), SAMPLE_RATE, subtype=subtype)
    samples = read_audio(tmp_path / "a.wav")
    assert samples.min() == -FULL_SCALE
    assert samples.max() == FULL_SCALE / 2


def test_features_expect_the_rate_that_audio_is_read_at() -> None:
    assert Fbank().options.sample_frequency == SAMPLE_RATE


def test_halves_of_recordings_carry_the_suffixes(tmp_path: Path) -> None:
    rng, lines = np.random.default_rng(0), []
    for key in "ab":
        soundfile.write(tmp_path / f"{key}.wav", 0.1 * rng.standard_normal(32000), SAMPLE_RATE)
        lines.append(f"{key} {tmp_path}/{key}.wav\n")
    (tmp_path / "wav.scp").write_text("".join(lines))
    trials = make_validation([tmp_path], tmp_path / "v", 2, min_half=0.5, jobs=1)
    assert {name[1:] for line in trials.read_text().splitlines() for name in line.split()[1:]} == set(HALF_SUFFIXES)
