"""`speakerssl norm`: cohorts by embeddings, scores, speakers and clusters; models; what is left out."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from speakerssl.trials.score_file import read_scored_trials, read_scores
from tests.cli.conftest import NORM, TRAIN, call, cllr_of, cosine_scores, refused


def test_norm_from_embeddings_or_scores_is_the_same(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    facts = call(capsys, *NORM, "--top", "50", "--output", "a")
    assert (facts["cohort"], facts["trials"], facts["top"]) == (240, 1770, 50)
    call(capsys, *NORM, "--scores", "cosine.scores", "--top", "50", "--output", "b")
    np.testing.assert_allclose(read_scores("a").values, read_scores("b").values, atol=1e-5)
    assert cllr_of(capsys, "a")["eer_percent"] < cllr_of(capsys, "cosine.scores")["eer_percent"] + 2


def test_norm_from_cohort_score_files(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    call(capsys, *NORM, "--top", "50", "--output", "a")
    ids, cohort = read_embeddings("test/xvector.scp").ids, read_embeddings("train/xvector.scp").ids
    Path("against").write_text("".join(f"{i} {c}\n" for i in ids for c in cohort))
    write_embeddings(
        "both", ids + cohort, np.concatenate([read_embeddings(f"{n}/xvector.scp").matrix for n in ("test", "train")])
    )
    call(capsys, "score", "--embeddings", "both/xvector.scp", "--trials", "against", "--output", "cohort.scores")
    files = ("--enrol-cohort-scores", "cohort.scores", "--test-cohort-scores", "cohort.scores")
    call(capsys, "norm", "--scores", "cosine.scores", *files, "--top", "50", "--output", "c")
    np.testing.assert_allclose(read_scores("a").values, read_scores("c").values, atol=2e-5)


@pytest.mark.parametrize("method", ["z", "t", "s", "as"])
def test_norm_methods_with_speaker_and_pseudo_cohorts(
    method: str, two_sets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--method", method, "--top", "20")
    labelled = call(capsys, *NORM, "--cohort-utt2spk", "train/utt2spk", *options, "--output", "a")
    assert labelled["cohort"] == 40
    blind = call(capsys, *NORM, "--cohort-clusters", "40", "--clustering", "agglomerative", *options,
                 "--output", "b", "--write-clusters", "pseudo")  # fmt: skip
    assert blind["cohort"] == 40
    assert len(Path("pseudo").read_text().splitlines()) == 240
    one, other = read_scores("a").values, read_scores("b").values
    assert np.corrcoef(one, other)[0, 1] > 0.9


def test_norm_of_models_with_a_backend(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, *TRAIN, "--plda")
    for extra in ((), ("--backend", "b.npz")):
        facts = call(capsys, "norm", "--embeddings", "test/xvector.scp", "--trials", "model_trials", "--enrol-models",
                     "spk2utt", "--cohort", "train/xvector.scp", "--top", "30", "--output", "m", *extra)  # fmt: skip
        assert facts["trials"] == 720
        scored = read_scored_trials("m", "model_trials")
        labels = scored.trials.require_labels().astype(bool)
        assert scored.scores[labels].mean() > scored.scores[~labels].mean() + 1


def test_norm_centres_trials_and_cohort_alike(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, *NORM, "--top", "50", "--center", "train/xvector.scp", "--output", "a")
    mean = read_embeddings("train/xvector.scp").matrix.mean(0, dtype=np.float64).astype(np.float32)
    for name in ("test", "train"):
        embeddings = read_embeddings(f"{name}/xvector.scp")
        write_embeddings(f"moved_{name}", embeddings.ids, embeddings.matrix - mean)
    call(capsys, "norm", "--embeddings", "moved_test/xvector.scp", "--trials", "trials", "--cohort",
         "moved_train/xvector.scp", "--top", "50", "--output", "b")  # fmt: skip
    np.testing.assert_array_equal(read_scores("a").values, read_scores("b").values)


def test_skip_missing_lists_what_it_skipped(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings = read_embeddings("test/xvector.scp")
    write_embeddings("some", embeddings.ids[1:], embeddings.matrix[1:])
    arguments = ["norm", "--embeddings", "some/xvector.scp", "--trials", "trials", "--cohort", "train/xvector.scp",
                 "--top", "50", "--output", "a"]  # fmt: skip
    message = refused(capsys, *arguments)
    assert "some/xvector.scp: no embedding for 'test00/0.wav'" in message
    assert "--skip-missing" in message
    assert main([*arguments, "--skip-missing"]) == 0
    output = capsys.readouterr()
    assert "skipped 59 trials, all listed in a.skipped" in output.err
    assert "skipped: 59" in output.out
    skipped = Path("a.skipped").read_text().splitlines()
    assert len(skipped) == 59
    assert all("test00/0.wav" in pair for pair in skipped)
    call(capsys, *NORM, "--top", "50", "--output", "full")
    whole = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in Path("full").read_text().splitlines()}
    for line in Path("a").read_text().splitlines():
        pair, score = line.rsplit(" ", 1)
        assert whole[pair] == pytest.approx(float(score), abs=1e-5)
    facts = call(capsys, "calibrate", "--scores", "a", "--trials", "trials", "--quality", "duration=test/utt2dur",
                 "--cross-validate", "--skip-missing", "--output", "c")  # fmt: skip
    assert facts["skipped"] == 59
    assert Path("c.skipped").read_text() == Path("a.skipped").read_text()
    fused = call(capsys, "fuse", "--scores", "full", "a", "--trials", "trials", "--skip-missing", "--output", "f")
    assert (fused["trials"], fused["skipped"]) == (1711, 59)


def test_recordings_that_meet_themselves_are_told(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*NORM[:-1], "test/xvector.scp", "--top", "20", "--output", "a"]
    assert main(arguments) == 0
    assert "60 recordings of test/xvector.scp are in test/xvector.scp too" in capsys.readouterr().err


def test_bad_cohorts_are_one_line(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = read_embeddings("train/xvector.scp")
    write_embeddings("narrow", narrow.ids, narrow.matrix[:, :7])
    write_embeddings("few", narrow.ids[:5], narrow.matrix[:5])
    small = ("norm", "--embeddings", "test/xvector.scp", "--trials", "trials", "--output", "x", "--cohort")
    assert "few/xvector.scp: a cohort of 5 is smaller than --top 300" in refused(capsys, *small, "few/xvector.scp")
    assert "narrow/xvector.scp holds embeddings of 7" in refused(capsys, *small, "narrow/xvector.scp")
    assert not Path("x").exists()
