"""Back-ends from files to files: labels or clusters, adaptation, Kaldi's file beside."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import load_backend
from speakerssl.scoring.backend_jobs import TrainingJob, adapt_from_files, train_from_files
from speakerssl.scoring.backend_options import AdaptationOptions, BackendOptions
from speakerssl.scoring.kaldi_plda import read_kaldi_plda
from speakerssl.scoring.plda_scorer import PldaScorer

PLDA = BackendOptions("mean,lda:6", "plda")


@pytest.fixture
def scp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Embeddings, train_speakers: np.ndarray) -> str:
    monkeypatch.chdir(tmp_path)
    write_embeddings("train", train.ids, train.matrix)
    pairs = list(zip(train.ids, train_speakers))[:-2]
    Path("utt2spk").write_text("".join(f"{name} s{speaker}\n" for name, speaker in pairs))
    return "train/xvector.scp"


def test_training_with_labels_and_adaptation(scp: str) -> None:
    with pytest.raises(InputError, match="utt2spk: no speaker for 'u238'"):
        train_from_files(TrainingJob(scp, "b.npz", PLDA, "utt2spk"))
    done = train_from_files(TrainingJob(scp, "b.npz", PLDA, "utt2spk", kaldi_plda="plda", skip_missing=True))
    assert (done.recordings, done.speakers, done.skipped) == (238, 40, ["u238", "u239"])
    scorer = load_backend("b.npz").scorer
    assert isinstance(scorer, PldaScorer)
    np.testing.assert_allclose(read_kaldi_plda("plda").psi, scorer.plda.psi)
    adapted = adapt_from_files("b.npz", scp, AdaptationOptions("kaldi"), "a.npz", "adapted_plda")
    assert adapted.recordings == 240
    assert not np.array_equal(read_kaldi_plda("adapted_plda").mean, scorer.plda.mean)


def test_clusters_stand_for_speakers(scp: str) -> None:
    done = train_from_files(TrainingJob(scp, "b.npz", PLDA, clusters=30))
    assert done.speakers == 30
    assert train_from_files(TrainingJob(scp, "c.npz", BackendOptions("mean"))).speakers is None


def test_what_does_not_go_together(scp: str) -> None:
    for job, message in (
        (TrainingJob(scp, "x", PLDA, "utt2spk", clusters=3), "both say who speaks"),
        (TrainingJob(scp, "x", BackendOptions("mean"), kaldi_plda="plda"), "give --plda too"),
        (TrainingJob(scp, "x", BackendOptions("mean", "plda")), "PLDA needs speaker labels"),
    ):
        with pytest.raises(InputError, match=message):
            train_from_files(job)
    assert not Path("x").exists()
