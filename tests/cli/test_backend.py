"""`speakerssl backend apply`: embeddings that went through a chain, and the scores of one release of grace."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.trials.score_file import read_scores
from tests.cli.conftest import SCORE, TRAIN, call, refused


def test_transformed_embeddings(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, *TRAIN)
    call(capsys, *SCORE, "b.npz", "--output", "one")
    facts = call(capsys, "backend", "apply", "--backend", "b.npz", "--embeddings", "test/xvector.scp",
                 "--output-embeddings", "moved")  # fmt: skip
    assert facts == {"backend": "mean,lda:10,length, cosine", "embeddings": "moved/xvector.scp"}
    call(capsys, "score", "--embeddings", "moved/xvector.scp", "--trials", "trials", "--output", "two")
    np.testing.assert_allclose(read_scores("one").values, read_scores("two").values, atol=1e-6)


def test_apply_still_scores_for_one_release(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, *TRAIN, "--plda")
    for options in ((), ("--plda-normalization", "simple")):
        call(capsys, *SCORE, "b.npz", "--output", "new", *options)
        arguments = ["backend", "apply", "--backend", "b.npz", "--embeddings", "test/xvector.scp", "--trials", "trials"]
        assert main([*arguments, "--output", "old", *options, "--json"]) == 0
        output = capsys.readouterr()
        assert output.err.startswith("speakerssl backend apply: trials are now scored by `speakerssl score --backend")
        assert json.loads(output.out) == {
            "backend": "mean,lda:10,length, PLDA of 10 dimensions",
            "score": "natural-log likelihood ratio of the PLDA",
            "trials": 1770,
            "skipped": 0,
            "output": "old",
        }
        assert Path("old").read_bytes() == Path("new").read_bytes()


def test_nothing_to_do_is_refused(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apply = ("backend", "apply", "--backend", "b", "--embeddings", "e")
    for extra in ((), ("--trials", "trials"), ("--output", "x")):
        assert "nothing to do" in refused(capsys, *apply, *extra)
