"""Normalization from files to a file: both kinds of cohort, what is left out, and options that contradict."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.cohort_files import CohortFiles
from speakerssl.scoring.normalize_list import NormalizationJob, normalize_list
from speakerssl.scoring.normalized_scores import Normalization, normalize
from speakerssl.scoring.score_lists import ScoringJob, score_lists
from speakerssl.scoring.scoring_inputs import InputFiles
from speakerssl.trials.score_file import read_scores
from speakerssl.trials.trial_list import read_trials

FILES, COHORT = InputFiles("test/xvector.scp"), CohortFiles("cohort/xvector.scp")
HOW = Normalization("as", 20)


@pytest.fixture
def tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Embeddings) -> Embeddings:
    monkeypatch.chdir(tmp_path)
    test = Embeddings([f"{name}-test" for name in train.ids[:40]], train.matrix[:40], "test/xvector.scp")
    write_embeddings("test", test.ids, test.matrix)
    write_embeddings("cohort", train.ids[30:130], train.matrix[30:130])
    pairs = [(a, b) for n, a in enumerate(test.ids) for b in test.ids[:n]]
    Path("trials").write_text("".join(f"{a} {b}\n" for a, b in pairs))
    return test


def test_files_give_what_the_function_gives_and_halves_are_told(tested: Embeddings) -> None:
    done = normalize_list(NormalizationJob("out", HOW, "trials", files=FILES, cohort=COHORT, cohort_means="means"))
    expected = normalize("trials", "test/xvector.scp", "cohort/xvector.scp", top=20)
    np.testing.assert_array_equal(read_scores("out").values, expected)
    assert done.cohort == 100
    assert "10 recordings of cohort/xvector.scp are in test/xvector.scp too (10 of them as halves" in done.remarks[0]
    means = dict(line.split() for line in Path("means").read_text().splitlines())
    assert set(means) == set(tested.ids)


def test_scores_of_any_system_with_cohort_scores_from_files(tested: Embeddings, train: Embeddings) -> None:
    cohort = train.ids[30:130]
    Path("against").write_text("".join(f"{name} {impostor}\n" for name in tested.ids for impostor in cohort))
    write_embeddings("all", [*tested.ids, *cohort], np.concatenate([tested.matrix, train.matrix[30:130]]))
    score_lists(ScoringJob(InputFiles("all/xvector.scp"), ["trials", "against"], ["scores", "cohort_scores"]))
    job = NormalizationJob(
        "out", HOW, scores="scores", enrol_cohort_scores="cohort_scores", test_cohort_scores="cohort_scores"
    )
    done = normalize_list(job)
    expected = normalize("trials", "test/xvector.scp", "cohort/xvector.scp", top=20)
    np.testing.assert_allclose(done.scores, expected, atol=2e-5)
    assert done.cohort is None


def test_trials_without_embedding_are_left_out_with_their_scores(tested: Embeddings) -> None:
    score_lists(ScoringJob(FILES, ["trials"], ["scores"]))
    write_embeddings("test", tested.ids[1:], tested.matrix[1:])
    job = NormalizationJob("out", HOW, "trials", "scores", FILES, cohort=COHORT, skip_missing=True)
    done = normalize_list(job)
    assert len(done.pairs) == 39
    assert len(Path(str(done.skipped_file)).read_text().splitlines()) == 39
    Path("fewer").write_text("".join(f"{' '.join(done.trials.pair(row))}\n" for row in range(len(done.scores))))
    again = normalize_list(NormalizationJob("out", HOW, "fewer", "scores", FILES, cohort=COHORT))
    np.testing.assert_array_equal(again.scores, done.scores)
    assert read_trials("fewer").pair(0) == done.trials.pair(0)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (NormalizationJob("x", HOW, "trials", files=FILES), "the cohort is --cohort EMBEDDINGS, or"),
        (NormalizationJob("x", HOW, "trials", cohort=COHORT), "give --embeddings of the trials"),
        (NormalizationJob("x", HOW, files=FILES, cohort=COHORT), "give --trials, or --scores"),
        (NormalizationJob("x", HOW, "trials", enrol_cohort_scores="c"), "cohort score files go with --scores"),
        (NormalizationJob("x", Normalization("q"), "trials", files=FILES, cohort=COHORT), "unknown normalization 'q'"),
    ],
)
def test_what_does_not_go_together(tested: Embeddings, job: NormalizationJob, message: str) -> None:
    with pytest.raises(InputError, match=message):
        normalize_list(job)
    assert not Path("x").exists()
