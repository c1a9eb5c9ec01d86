"""`speakerssl backend train` and `backend adapt`: PLDA with labels, with clusters, adapted."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from speakerssl.scoring.kaldi_plda import read_kaldi_plda
from tests.cli.conftest import SCORE, TRAIN, call, cllr_of, cosine_scores, refused


def test_backend_beats_cosine_and_adapts(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    facts = call(capsys, *TRAIN, "--plda", "--kaldi-plda", "plda")
    assert (facts["recordings"], facts["speakers"]) == (240, 40)
    call(capsys, *SCORE, "b.npz", "--output", "plda.scores")
    plda, cosine = cllr_of(capsys, "plda.scores"), cllr_of(capsys, "cosine.scores")
    assert plda["eer_percent"] < cosine["eer_percent"]
    # Log-likelihood ratios as they come, uncalibrated, from 40 training speakers: still informative (below 1 bit).
    assert plda["cllr"] < 1
    assert read_kaldi_plda("plda").dim == 10
    for method in ("kaldi", "coral+"):
        call(capsys, "backend", "adapt", "--backend", "b.npz", "--adapt", "test/xvector.scp", "--plda-adapt", method,
             "--output", "adapted.npz")  # fmt: skip
        call(capsys, *SCORE, "adapted.npz", "--output", "adapted.scores")
        assert cllr_of(capsys, "adapted.scores")["eer_percent"] < cosine["eer_percent"]


def test_backend_without_labels(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = call(capsys, "backend", "train", "--embeddings", "train/xvector.scp", "--clusters", "40", "--chain",
                 "mean,lda:10,length", "--plda", "--output", "b.npz")  # fmt: skip
    assert facts["clusters"] == 40
    call(capsys, *SCORE, "b.npz", "--output", "s")
    assert cllr_of(capsys, "s")["eer_percent"] < 30


def test_a_file_and_a_method_of_adaptation_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backend", "train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--adapt FILE file of unlabelled embeddings of the domain that will be scored" in text
    assert "method (not a file) by which the PLDA is adapted to the embeddings of --adapt" in text


def test_bad_input_is_one_line(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings = read_embeddings("train/xvector.scp")
    write_embeddings("flat", embeddings.ids, np.hstack([embeddings.matrix, embeddings.matrix[:, :1]]))
    train = ("backend", "train", "--utt2spk", "train/utt2spk", "--output", "x", "--embeddings")
    assert "rank 16 of 17" in refused(capsys, *train, "flat/xvector.scp", "--plda")
    assert "unknown transform 'pca'" in refused(capsys, *train, "train/xvector.scp", "--chain", "mean,pca:3")
    assert "no speaker for 'test00/0.wav'" in refused(capsys, *train, "test/xvector.scp", "--plda")
    assert "it contradicts --scorer cosine" in refused(
        capsys, *train, "train/xvector.scp", "--plda", "--scorer", "cosine"
    )
    assert not Path("x").exists()
