"""The stage lines of supervised VoxCeleb training on a small folder with VoxCeleb's layout."""

from pathlib import Path

import pytest

from .voices import write_voxceleb

QUICK = (
    "training.epochs=1 training.batch_size=8 training.amp=none data.num_workers=0 encoder.channels=4 "
    "encoder.embed_dim=16 augment.reverb.rooms=2 views.crop_seconds=0.5 schedule.warmup_steps=0 "
    "training.tensorboard=false"
)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`vox2` with four speakers, `vox1` with two and the list of O."""
    root = tmp_path_factory.mktemp("corpora")
    write_voxceleb(root, train=range(4), test=(270, 309), each=4)
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
