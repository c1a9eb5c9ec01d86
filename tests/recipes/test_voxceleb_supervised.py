"""The stage lines of supervised VoxCeleb training on a small folder with VoxCeleb's layout."""

from itertools import combinations
from pathlib import Path

import pytest
import soundfile

from .voices import RATE, voice

QUICK = (
    "training.epochs=1 training.batch_size=8 training.amp=none data.num_workers=0 encoder.channels=4 "
    "encoder.embed_dim=16 augment.reverb.rooms=2 views.crop_seconds=0.5 schedule.warmup_steps=0 "
    "training.tensorboard=false"
)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`vox2` with dev/wav/<speaker>/<video>/<number>.wav of four speakers; `vox1` with two, and the list of O."""
    root = tmp_path_factory.mktemp("corpora")
    ids = []
    for folder, speakers in (("vox2/dev/wav", range(4)), ("vox1/wav", (270, 309))):
        for speaker in speakers:
            for number in range(4):
                name = f"id{10000 + speaker}/video{number % 2}xxxxx/{number:05d}.wav"
                path = root / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, voice(speaker, number, 2.0), RATE)
                ids += [name] if folder.startswith("vox1") else []
    pairs = combinations(ids, 2)
    (root / "vox1" / "veri_test.txt").write_text("".join(f"{int(a[:7] == b[:7])} {a} {b}\n" for a, b in pairs))
    return root


def test_all_stages(recipe, corpora: Path, tmp_path: Path) -> None:
    words = ["--voxceleb1", corpora / "vox1", "--voxceleb2", corpora / "vox2", "--work", tmp_path, "--device", "cpu"]
    result = recipe("voxceleb/supervised", *words, "--top", 4, "--set", QUICK, "--set-large-margin", QUICK)
    assert result.returncode == 0, result.stderr
    table = (tmp_path / "exp" / "table.md").read_text()
    for system in ("resnet34", "resnet34_large_margin", "resnet34-asnorm"):
        assert f"| {system} |" in table
    # Three speeds make three classes a speaker in the first stage; the second goes on with those of speed 1.
    assert "init_from" in result.stderr
    assert (tmp_path / "exp" / "resnet34_large_margin" / "model.safetensors").exists()
