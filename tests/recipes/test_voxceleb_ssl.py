"""The stage lines of the VoxCeleb recipe on a small folder with VoxCeleb's layout."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile

DEV, TEST = ("id10001", "id10002", "id10003", "id11000"), ("id10270", "id10309")
QUICK = (
    "training.epochs=1 training.batch_size=8 training.amp=none data.num_workers=1 validation.every=1 "
    "encoder.channels=4 encoder.embed_dim=16 method.projector.hidden_dim=32 method.projector.out_dim=16 "
    "augment.reverb.rooms=3 views.crop_seconds=0.5 evaluation.crop_seconds=0.5"
)


@pytest.fixture(scope="module")
def voxceleb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """wav/<speaker>/<video>/<number>.wav, two videos of two recordings each, and the lists of O and E."""
    root = tmp_path_factory.mktemp("voxceleb1")
    ids = []
    for speaker in (*DEV, *TEST):
        for video in ("aaaaaaaaaaa", "b_-bbbbbbbb"):
            for number in (1, 2):
                rng = np.random.default_rng((int(speaker[2:]), number, ord(video[0])))
                path = root / "wav" / speaker / video / f"{number:05d}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, 0.1 * rng.standard_normal(66000), 16000)
                ids.append(f"{speaker}/{video}/{number:05d}.wav")
    for name, speakers in (("veri_test.txt", TEST), ("list_test_all2.txt", DEV + TEST)):
        pairs = [(a, b) for a, b in combinations([i for i in ids if i[:7] in speakers], 2)]
        (root / name).write_text("".join(f"{int(a[:7] == b[:7])} {a} {b}\n" for a, b in pairs))
    return root


def test_all_stages(recipe, voxceleb: Path, tmp_path: Path) -> None:
    result = recipe("voxceleb/ssl", "--voxceleb1", voxceleb, "--work", tmp_path, "--num-validation", 4, "--set", QUICK)
    assert result.returncode == 0, result.stderr
    model = tmp_path / "exp" / "sslsv_is2023_small"
    assert (model / "model.safetensors").exists()
    trained = {line.split("/")[0] for line in (tmp_path / "data/vox1_dev/wav.scp").read_text().splitlines()}
    assert trained == set(DEV)
    for name in ("trials_vox1_O", "trials_vox1_E_cleaned"):
        scores = (model / "scores" / f"{name}.txt").read_text().splitlines()
        trials = (tmp_path / "data/vox1_all" / name).read_text().splitlines()
        assert [line.split()[:2] for line in scores] == [line.split()[1:] for line in trials]
    table = (tmp_path / "exp" / "table.md").read_text()
    assert "| floor |" in table
    assert "p_target 0.01" in table


def test_without_the_corpus_it_says_where_to_get_it(recipe, tmp_path: Path) -> None:
    result = recipe("voxceleb/ssl", "--voxceleb1", tmp_path / "none")
    assert result.returncode == 2
    assert "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/" in result.stderr
