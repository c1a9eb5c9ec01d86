"""Small recordings and data directories made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data import audio

MakeDir = Callable[..., Path]


def speechlike(seconds: float = 1.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """int16 [S]: harmonics of a gliding pitch under a slow envelope, and a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time + seed)) / rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))
    return (4000 * voice + 50 * rng.standard_normal(len(time))).clip(-32768, 32767).astype(np.int16)


@pytest.fixture(autouse=True)
def _say_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said once a process is said once a test."""
    monkeypatch.setattr(audio, "_said", set())


@pytest.fixture
def make_dir(tmp_path: Path) -> MakeDir:
    """`make_dir("a", "b", **tables)`: a data directory with one second of audio an id; tables are `utt2spk="..."`."""

    def make(*ids: str, name: str = "data", **tables: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        lines = []
        for seed, key in enumerate(ids):
            soundfile.write(folder / f"{key}.wav", speechlike(1.0, seed=seed), 16000)
            lines.append(f"{key} {folder / key}.wav\n")
        (folder / "wav.scp").write_text("".join(lines))
        for table, text in tables.items():
            (folder / table.replace("wav_scp", "wav.scp")).write_text(text)
        return folder

    return make
