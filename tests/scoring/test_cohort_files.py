"""Cohorts from files: recordings, speakers, clusters, and recordings that are tested themselves."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.cohort_files import CohortFiles, read_cohort, shared_recordings


@pytest.fixture
def cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Embeddings, train_speakers: np.ndarray) -> str:
    monkeypatch.chdir(tmp_path)
    write_embeddings("cohort", train.ids, train.matrix)
    pairs = list(zip(train.ids, train_speakers))[:-1]
    Path("utt2spk").write_text("".join(f"{name} s{speaker:02d}\n" for name, speaker in pairs))
    return "cohort/xvector.scp"


@pytest.fixture
def tested() -> Embeddings:
    return Embeddings(["a", "b"], np.eye(2, 10, dtype=np.float32), "test.scp")


def test_recordings_speakers_and_clusters(cohort: str, tested: Embeddings, train: Embeddings) -> None:
    whole = read_cohort(CohortFiles(cohort), Backend(), tested)
    np.testing.assert_array_equal(whole.cohort.matrix, train.matrix)
    assert whole.remarks == []
    with pytest.raises(InputError, match="utt2spk: no speaker for 'u239'"):
        read_cohort(CohortFiles(cohort, "utt2spk"), Backend(), tested)
    found = read_cohort(CohortFiles(cohort, "utt2spk", skip_missing=True), Backend(), tested)
    assert (len(found.cohort), found.cohort.ids[1]) == (40, "s01")
    assert found.remarks == ["skipped 'u239' of the cohort, which has no speaker"]
    files = CohortFiles(cohort, clusters=30, min_cluster_size=2, write_clusters="clusters")
    clusters = read_cohort(files, Backend(), tested).cohort
    written = dict(line.split() for line in Path("clusters").read_text().splitlines())
    assert set(written.values()) == set(clusters.ids)


def test_options_that_contradict_each_other(cohort: str, tested: Embeddings) -> None:
    for files, message in (
        (CohortFiles(cohort, "utt2spk", 3), "both say who speaks"),
        (CohortFiles(cohort, write_clusters="x"), "give that too"),
    ):
        with pytest.raises(InputError, match=message):
            read_cohort(files, Backend(), tested)
    narrow = Embeddings(["a"], np.ones((1, 3), np.float32), "narrow.scp")
    with pytest.raises(InputError, match=r"holds embeddings of 10 numbers, narrow.scp of 3"):
        read_cohort(CohortFiles(cohort), Backend(), narrow)


def test_halves_of_validation_trials_are_recognized() -> None:
    cohort = Embeddings(["a", "b", "c-enrol", "d"], np.eye(4, dtype=np.float32), "cohort.scp")
    tested = Embeddings(["a-enrol", "a-test", "b-test", "c-enrol", "e-enrol"], np.eye(5, dtype=np.float32), "valid.scp")
    assert shared_recordings(cohort, tested) == [
        "warning: 3 recordings of cohort.scp are in valid.scp too (2 of them as halves of validation trials) and meet "
        "themselves in the cohort"
    ]
    assert shared_recordings(cohort, Embeddings(["x-enrol"], np.eye(1, dtype=np.float32), "t")) == []
