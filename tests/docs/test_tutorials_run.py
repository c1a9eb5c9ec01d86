"""Two tutorials are done line by line: the commands and the Python of the page, on small recordings.

A line runs as it stands; what is longer than a test may be is cut by an option that the test appends (`SHORTER`).
"""

import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import speakerssl
from speakerssl.cli.main import main
from speakerssl.embeddings.model_dir import save_model
from speakerssl.embeddings.toolkits.writing import export_wespeaker
from speakerssl.encoders import build_encoder

from ..recipes.voices import RATE, voice
from .conftest import ROOT, Block, blocks_of

SHORTER = {
    "validation": ["--num-recordings", "8"],
    "features": ["--copies", "1"],
    "train": ["--set", "training.steps=4", "--set", "training.batch_size=16", "--set", "validation.every=2"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder that is also the home folder, with `recipes/` of the checkout and recordings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    (tmp_path / "recordings").mkdir()
    for speaker, number in product(range(8), range(3)):
        soundfile.write(tmp_path / "recordings" / f"{speaker}-{number}.wav", voice(speaker, number), RATE)
    return tmp_path


def lines_of(block: Block) -> list[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line for line in lines if shlex.split(line, comments=True)]


def do_line(line: str, allowed: tuple[int, ...] = (0,)) -> None:
    """Runs a line of the page: one verb in this process, which has torch loaded already, all else in a shell."""
    words = [os.path.expanduser(word) for word in shlex.split(line, comments=True)]
    if words[0] == "speakerssl" and "|" not in words:
        status = main([*words[1:], *SHORTER.get(words[1], [])])
    else:
        status = subprocess.run(["bash", "-euo", "pipefail", "-c", line]).returncode
    assert status in allowed, f"status {status}: {line}"


def test_own_recordings(folder: Path) -> None:
    """From a folder to a score list; the recipe's one command and the viewer stand for themselves."""
    blocks = [block for block in blocks_of(ROOT / "docs/tutorials/own_recordings.md") if block.kind == "sh"]
    for line in (line for block in blocks for line in lines_of(block)):
        if not line.startswith(("recipes/mini/run.sh", "tensorboard")):
            do_line(line)
    trials = (folder / "data/valid/trials").read_text().splitlines()
    assert len((folder / "exp/first/scores/validation.txt").read_text().splitlines()) == len(trials) > 0
    held_out = set((folder / "data/valid/recordings").read_text().split())
    assert len(held_out) == 8
    assert (folder / "exp/first/model.safetensors").is_file()
    assert (folder / "exp/floor/embeddings/xvector.scp").is_file()


def write_model(folder: Path) -> None:
    """An untrained x-vector network on features that other runtimes compute too."""
    features = {"kind": "fbank", "num_mel_bins": 80, "window_type": "hamming", "cmn": "utterance"}
    sizes = {"channels": [16] * 5, "embed_dim": 12, "pooling": "unbiased_statistics", "second_layer": True}
    torch.manual_seed(0)
    encoder = build_encoder("xvector", 80, **sizes)
    save_model(folder, {"features": features, "encoder": {"name": "xvector", **sizes}}, encoder.eval())


def write_program_files(folder: Path) -> None:
    """What the page takes for granted: recordings under its names, a model, scored pairs, weights of others."""
    for name, (speaker, number) in {"a": (0, 0), "b": (0, 1), "a1": (0, 2), "a2": (0, 3), "x": (0, 4)}.items():
        soundfile.write(folder / f"{name}.wav", voice(speaker, number), RATE)
    meeting = np.concatenate([voice(turn % 2, 9 + turn, 6.0) for turn in range(4)])
    for place in (folder, folder / "recordings"):
        soundfile.write(place / "meeting.wav", meeting, RATE)
    turns = [f"SPEAKER meeting 1 {6 * turn} 6 <NA> <NA> s{turn % 2} <NA> <NA>\n" for turn in range(4)]
    (folder / "meeting.rttm").write_text("".join(turns))
    write_model(folder / "exp" / "first")
    export_wespeaker(speakerssl.load_model(folder / "exp" / "first"), folder / "voxceleb_resnet34")
    rng = np.random.default_rng(0)
    scores = [(same, rng.normal(0.6 if same else 0.1, 0.15)) for same in rng.integers(0, 2, 400)]
    (folder / "pairs.txt").write_text(
        "".join(f"e{i} t{i} {score:.6f} {same}\n" for i, (same, score) in enumerate(scores))
    )
    samples = (voice(3, 0, 3.0) * 32767).astype("<i2")
    (folder / "stream.raw").write_bytes(samples.tobytes())
    (folder / "arecord").write_text(f"#!/bin/sh\nexec cat {shlex.quote(str(folder / 'stream.raw'))}\n")  # a microphone
    (folder / "arecord").chmod(0o755)


def test_embeddings_for_a_program(folder: Path) -> None:
    write_program_files(folder)
    said: dict[str, Any] = {"speakerssl": speakerssl}
    for block in blocks_of(ROOT / "docs/tutorials/embeddings_for_a_program.md"):
        if block.kind == "python":
            exec(compile(block.text, "page", "exec"), said)  # one program, block after block
            continue
        for line in lines_of(block):
            if "campplus_cn_en_common.pt" in line or (".parquet" in line and not find_spec("pyarrow")):
                continue  # 28 MB of another package, tried in tests/embeddings; an extra that is not installed
            do_line(line, allowed=(0, 1) if " verify " in line else (0,))
    assert said["vector"].shape == (said["matrix"].shape[1],)
    assert -1 <= said["score"] <= 1
    assert len(said["segments"].times) == len(said["segments"].embeddings) > 4
    assert 0 <= said["found"].p_miss <= 1
    said["classifier"].fit(["a.wav", "recordings/1-0.wav"], [0, 1])
    assert said["classifier"].predict(["a.wav"]) == [0]
    assert len((folder / "meeting.rttm").read_text().splitlines()) > 0
    for name in ("first.onnx", "first_wave.onnx", "turns.npz", "exp/resnet34", "for_wespeaker"):
        assert (folder / name).exists(), name
