"""Small recordings and data directories made on the spot."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speakerssl.data import opened, recording
from speakerssl.data.pipes import PERMISSION
from speakerssl.data.shard_writer import write_shards
from speakerssl.data.shards import ShardSet
from speakerssl.data.utterance import Utterance

IDS = ["a", "b.c", "../../d", "é ü", "x" * 300, "f", "g"]  # of recordings that go into shards
MakeDir = Callable[..., Path]
WriteAv = Callable[..., Path]


def speechlike(seconds: float = 1.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """int16 [S]: harmonics of a gliding pitch under a slow envelope, and a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time + seed)) / rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))
    return (4000 * voice + 50 * rng.standard_normal(len(time))).clip(-32768, 32767).astype(np.int16)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said once a process is said once a test, nothing stays open, and no command may run."""
    monkeypatch.setattr(recording, "_said", set())
    monkeypatch.delenv(PERMISSION, raising=False)
    opened.forget_opened()


@pytest.fixture
def pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in lists may run."""
    monkeypatch.setenv(PERMISSION, "1")


@pytest.fixture
def voice() -> Callable[..., np.ndarray]:
    """`voice(seconds, rate, seed)`: int16 [S]."""
    return speechlike


@pytest.fixture
def write_av(tmp_path: Path) -> WriteAv:
    """`write_av("a.m4a", samples, "aac", "mp4")`: a file by ffmpeg's libraries; skips without the encoder."""
    import av

    def write(
        name: str, samples: np.ndarray, codec: str, container: str, rate: int = 16000, codec_rate: int = 0,
        bit_rate: int = 0, **options: str,
    ) -> Path:  # fmt: skip
        path = tmp_path / name
        try:
            av.codec.Codec(codec, "w")
        except av.codec.codec.UnknownCodecError:
            pytest.skip(f"ffmpeg's libraries here have no encoder {codec}")
        codec_rate = codec_rate or rate
        with av.open(str(path), "w", format=container, options=options) as file:
            stream: Any = file.add_stream(codec, rate=codec_rate)
            layout = "mono" if samples.ndim == 1 else "stereo"  # of samples [S] or [S, 2]
            stream.layout = layout
            if bit_rate:
                stream.bit_rate = bit_rate
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate = rate
            resampler = av.AudioResampler(stream.codec_context.format.name, layout, codec_rate)
            queue, written = av.AudioFifo(), 0
            for part in resampler.resample(frame) + resampler.resample(None):
                part.pts = None
                queue.write(part)
            while queue.samples:
                part = queue.read(min(stream.codec_context.frame_size or 1024, queue.samples))
                part.pts, part.time_base = written, Fraction(1, codec_rate)
                written += part.samples
                file.mux(stream.encode(part))
            file.mux(stream.encode(None))
        return path

    return write


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


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Seven recordings, FLAC and WAV in turn; the last is a stretch of the first."""
    rng, found = np.random.default_rng(0), []
    for number, key in enumerate(IDS[:-1]):
        path = tmp_path / f"{number}.{'wav' if number % 2 else 'flac'}"
        soundfile.write(path, 0.1 * rng.standard_normal(4000 + 500 * number), 16000)
        found.append(Utterance(key, str(path), recording=key))
    return [*found, Utterance("g", found[0].source, 0.05, 0.15, "a", segments="segments", segment_line=1)]


@pytest.fixture
def shards(utterances: list[Utterance], tmp_path: Path) -> ShardSet:
    write_shards(utterances, tmp_path / "shards", 20_000, jobs=1)
    return ShardSet(tmp_path / "shards")
