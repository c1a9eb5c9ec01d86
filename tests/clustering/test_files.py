"""Cluster files: written as utt2spk, read as a start, held against true speakers."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.clustering.files import read_all, report, start_means, write_clusters
from speakerssl.embeddings.storage import write_embeddings
from speakerssl.errors import InputError
from speakerssl.trials.speakers import read_utt2spk

IDS = ["a", "b", "c", "d"]


@pytest.fixture
def embeddings(tmp_path: Path) -> str:
    matrix = np.array([[2.0, 0.0], [0.0, 3.0], [4.0, 0.0], [0.0, 0.5]])
    return str(write_embeddings(tmp_path / "e", IDS, matrix)["scp"])


def test_files_are_joined_unless_they_differ(embeddings: str, tmp_path: Path) -> None:
    other = str(write_embeddings(tmp_path / "o", ["x"], np.ones((1, 2)))["scp"])
    joined = read_all([embeddings, other])
    assert joined.ids == [*IDS, "x"]
    assert joined.matrix.shape == (5, 2)
    wide = str(write_embeddings(tmp_path / "w", ["x"], np.ones((1, 3)))["scp"])
    with pytest.raises(InputError, match="2 numbers an embedding, other files have another size"):
        read_all([embeddings, wide])
    with pytest.raises(InputError, match="a recording stands in two of these files"):
        read_all([embeddings, embeddings])


def test_recordings_without_a_cluster_are_left_out(tmp_path: Path) -> None:
    write_clusters(tmp_path / "c", IDS, np.array([0, 10, -1, 0]))
    assert read_utt2spk(tmp_path / "c") == {"a": "c00", "b": "c10", "d": "c00"}
    with pytest.raises(InputError, match="no recording is in a cluster"):
        write_clusters(tmp_path / "none", IDS, np.full(4, -1))
    assert not (tmp_path / "none").exists()


def test_a_start_is_the_means_of_unit_vectors(embeddings: str, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a one\nc one\nb two\nstranger two\n")
    np.testing.assert_allclose(start_means(read_all([embeddings]), str(tmp_path / "c")), [[1, 0], [0, 1]], atol=1e-6)
    (tmp_path / "others").write_text("x y\n")
    with pytest.raises(InputError, match="others: holds none of the recordings of"):
        start_means(read_all([embeddings]), str(tmp_path / "others"))


def test_a_report_counts_what_is_known_alone(tmp_path: Path) -> None:
    (tmp_path / "truth").write_text("a s\nb t\nc s\n")
    found = report(IDS, np.array([0, 1, 0, 1]), str(tmp_path / "truth"))
    assert found == {"nmi": pytest.approx(1.0), "purity": 1.0, "speakers": 2}
    with pytest.raises(InputError, match="truth: holds none of the clustered recordings"):
        report(IDS, np.array([-1, -1, -1, 0]), str(tmp_path / "truth"))
