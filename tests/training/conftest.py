"""A tiny corpus that makes learning visible: "speakers" are pairs of vowels, "channels" random tilts."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

SECONDS, RATE = 1.6, 16000


def tone_speaker(speaker: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [S] in -1..1: two "vowels" in turn, each noise through two resonances that are this speaker's own.

    The contrast between the vowels is what mean normalization leaves; a random tilt plays the channel.
    """
    size = int(SECONDS * RATE)
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    tilt = (1 + frequencies / 8000) ** rng.uniform(-2, 2)
    vowels = []
    for vowel in range(2):
        formants = np.random.default_rng((7, speaker, vowel)).uniform(300, 5000, size=2)
        curve = sum(np.exp(-(((frequencies - f) / 200) ** 2)) for f in formants) + 0.02
        vowels.append(np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * curve * tilt, size))
    gate = np.sin(np.arange(size) / RATE * 2 * np.pi * rng.uniform(3, 5) + rng.uniform(0, 6)) > 0
    wave = np.where(gate, vowels[0], vowels[1])
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def write_corpus(folder: Path, speakers: range, utterances: int) -> Path:
    """A data directory with `utterances` recordings a speaker, ids `<speaker>-<number>`."""
    folder.mkdir(parents=True)
    lines = []
    for speaker in speakers:
        for number in range(utterances):
            path = folder / f"{speaker:02d}-{number}.wav"
            soundfile.write(path, tone_speaker(speaker, np.random.default_rng((speaker, number))), RATE)
            lines.append(f"{speaker:02d}-{number} {path}\n")
    (folder / "wav.scp").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train` (24 speakers) and `test` (10 others) with `test/trials`, and `excluded`, an empty list."""
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(root / "train", range(24), 3)
    write_corpus(root / "test", range(100, 110), 4)
    (root / "excluded").write_text("")
    ids = [f"{speaker}-{number}" for speaker in range(100, 110) for number in range(4)]
    pairs = [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]
    lines = [f"{int(a[:3] == b[:3])} {a} {b}\n" for a, b in pairs]
    (root / "test" / "trials").write_text("".join(lines))
    return root


@pytest.fixture
def write_config(corpus: Path, tmp_path: Path):
    """Writes a quick configuration on the tiny corpus; keyword arguments replace or extend sections."""

    def write(**sections: dict) -> Path:
        tree: dict[str, dict] = {
            "features": {"kind": "fbank", "num_mel_bins": 40},
            "encoder": {
                "name": "small_tdnn",
                "channels": 32,
                "blocks": 2,
                "aggregate_dim": 64,
                "embed_dim": 32,
            },
            "method": {"name": "simclr", "projector": None},
            "loss": {"symmetry": "both_views", "margin": {"name": "additive", "value": 0.1}, "temperature": 0.1},
            "data": {"train": [str(corpus / "train")]},
            "views": {"crop_seconds": 0.6, "spec_augment": {"time_width": 5}},
            "optimizer": {"name": "adam", "lr": 3e-3},
            "schedule": {"name": "constant"},
            "training": {"batch_size": 16, "steps": 12, "checkpoint_every": 4, "log_every": 1, "tensorboard": False},
        }
        for name, values in sections.items():
            tree[name] = {**tree.get(name, {}), **values}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return write
