"""`speakerssl ivector` on real speech: speakers are told apart, a stopped run goes on, bad options are one line."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.clustering.ivector_training import load_extractor
from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError
from speakerssl.metrics.detection import compute_eer


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of 20 real speakers, three recordings each."""
    folder = tmp_path_factory.mktemp("data")
    data = DataDir.read(shared_data / "speechocean762" / "test")
    assert data.spk2utt is not None
    data.subset(key for keys in list(data.spk2utt.values())[:20] for key in keys[:3]).write(folder)
    return folder


def test_speakers_are_told_apart_without_a_label(real: Path, tmp_path: Path) -> None:
    sizes = ["--gaussians", "16", "--dim", "20", "--ubm-iterations", "4", "--full-iterations", "1"]
    words = ["ivector", "train", "--data", str(real), "--output", str(tmp_path), *sizes, "--iterations"]
    assert main([*words, "2"]) == 0
    stamp = (tmp_path / "iteration-02.npz").stat().st_mtime_ns
    assert main([*words, "3"]) == 0  # one more: the first two are not done again
    assert (tmp_path / "iteration-02.npz").stat().st_mtime_ns == stamp
    assert load_extractor(tmp_path).dim == 20
    model, output = str(tmp_path), str(tmp_path / "embeddings")
    assert main(["ivector", "extract", "--model", model, "--data", str(real), "--output", output]) == 0
    found = read_embeddings(tmp_path / "embeddings" / "xvector.scp")
    speakers = [DataDir.read(real).utt2spk[key] for key in found.ids]
    units = found.matrix / np.linalg.norm(found.matrix, axis=1, keepdims=True)
    rows, columns = np.triu_indices(len(units), 1)
    same = np.array([speakers[i] == speakers[j] for i, j in zip(rows, columns)])
    assert (
        compute_eer((units @ units.T)[rows, columns].astype(np.float64), same.astype(int)) < 0.35
    )  # chance is 0.5; 60 recordings train it


def test_other_options_in_the_same_folder_are_an_error(real: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "options.json").write_text('{"gaussians": 8}')
    words = ["ivector", "train", "--data", str(real), "--output", str(tmp_path), "--gaussians", "16"]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "'gaussians' was 8; give another --output or remove that folder" in line
    assert main([*words, "--dim", "0"]) == 2
    assert "dim is 0; it must be 1 or more" in capsys.readouterr().err


def test_what_is_no_extractor_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ivector.npz: no i-vector extractor .*train one with"):
        load_extractor(tmp_path)
