"""What a pool draws depends on the generator alone, not on what is cached."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speakerssl.augment.pool import CHUNK_SECONDS, AudioPool
from speakerssl.errors import InputError

MakeAudio = Callable[..., Path]


@pytest.fixture
def files(make_audio: MakeAudio) -> list[Path]:
    rng = np.random.default_rng(0)
    seconds = (0.5, 4.0, 2.6 * CHUNK_SECONDS)
    return [
        make_audio(f"{i}.flac", 3000 * rng.standard_normal(int(s * 16000)).clip(-5, 5)) for i, s in enumerate(seconds)
    ]


def test_draws_are_stretches_of_the_sources(files: list[Path]) -> None:
    import soundfile

    pool, rng = AudioPool(files), np.random.default_rng(1)
    whole = [soundfile.read(path, dtype="int16")[0].astype(np.float32) for path in files]
    for _ in range(10):
        drawn = pool.draw(rng, 6000)
        assert drawn.dtype == np.float32
        assert any((np.lib.stride_tricks.sliding_window_view(w, 6000) == drawn).all(1).any() for w in whole[:2]) or any(
            np.array_equal(whole[2][i : i + 6000], drawn) for i in np.flatnonzero(whole[2] == drawn[0])
        )


def test_the_cache_changes_nothing(files: list[Path]) -> None:
    large, tiny = AudioPool(files), AudioPool(files, memory_mb=0.01)
    first, second = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(40):
        np.testing.assert_array_equal(large.draw(first, 5000), tiny.draw(second, 5000))


def test_the_bound_of_memory_is_kept(files: list[Path]) -> None:
    pool, rng = AudioPool(files, memory_mb=1.0), np.random.default_rng(3)
    for _ in range(60):
        pool.draw(rng, 1000)
    kept = sum(chunk.nbytes for chunk in pool._chunks.values())
    assert 0 < kept == pool._bytes <= 2**20


def test_every_part_of_a_long_recording_is_drawn(make_audio: MakeAudio) -> None:
    ramp = np.arange(int(3.5 * CHUNK_SECONDS * 16000)) / 30.0
    pool, rng = AudioPool([make_audio("ramp.wav", ramp)]), np.random.default_rng(4)
    starts = [pool.draw(rng, 100)[0] for _ in range(200)]
    assert min(starts) < 0.1 * ramp[-1]
    assert max(starts) > 0.9 * ramp[-1]


def test_a_short_recording_is_repeated(make_audio: MakeAudio) -> None:
    pool = AudioPool([make_audio("short.wav", np.arange(100.0))])
    np.testing.assert_array_equal(pool.draw(np.random.default_rng(0), 250), np.arange(250) % 100)


def test_nothing_to_draw_from_and_unreadable_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="babble: there is no recording"):
        AudioPool([], name="babble")
    with pytest.raises(InputError, match=r"gone\.wav"):
        AudioPool([tmp_path / "gone.wav"]).draw(np.random.default_rng(0), 10)
