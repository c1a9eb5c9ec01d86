"""`speakerssl score`: lists, models, means, missing embeddings, metrics beside."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from speakerssl.metrics.detection import compute_eer, compute_min_dcf
from speakerssl.scoring.kaldi_plda import write_kaldi_plda
from speakerssl.scoring.plda import Plda
from speakerssl.trials.score_file import read_scored_trials, read_scores
from tests.cli.conftest import SCORE, TRAIN, call


def test_score_then_metrics(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scoring = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output", "out/a.scores"]
    together = call(capsys, *scoring, "--metrics", "--p-target", "0.05")
    assert together["scored"] == 1770
    alone = call(capsys, "metrics", "--scores", "out/a.scores", "--trials", "list_a.txt", "--p-target", "0.05")
    for name, value in together["metrics"].items():
        if name != "definitions":
            assert alone[name] == value, name
    found = read_scored_trials("out/a.scores", "list_a.txt")
    labels = found.trials.require_labels()
    assert alone["eer_percent"] == pytest.approx(100 * compute_eer(found.scores, labels))
    assert alone["min_dcf"] == pytest.approx(compute_min_dcf(found.scores, labels, 0.05))
    assert 1 < alone["eer_percent"] < 40
    assert "eer_percent" in alone["definitions"]
    assert alone["speakers"] == 12


def test_several_lists_and_priors(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.npz", "--trials", "list_a.txt", "list_b", "--output"]
    found = call(capsys, *common, "both")
    assert [result["scores_file"] for result in found] == ["both/list_a.scores", "both/list_b.scores"]
    assert [result["scored"] for result in found] == [1770, 885]
    call(capsys, *common, "one.txt", "two.txt.gz")
    one, two = read_scored_trials("one.txt", "list_a.txt"), read_scored_trials("two.txt.gz", "list_b")
    np.testing.assert_array_equal(one.scores[::2], two.scores)
    metrics = ["metrics", "--scores", "one.txt", "--trials", "list_b", "--p-target", "0.01", "--p-target", "0.1"]
    summary = call(capsys, *metrics)
    assert [cost["p_target"] for cost in summary["costs"]] == [0.01, 0.1]
    assert summary["min_dcf"] == summary["costs"][0]["min_dcf"]
    assert main([*common, "a", "b", "c"]) == 2
    assert main(["score", "--embeddings", "emb/xvector.scp", "--trials", "list_b", "list_b", "--output", "d"]) == 2


def test_enrolment_models(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--enrol-models", "spk2utt", "--trials", "model_trials"]
    one = call(capsys, *common, "--output", "e.scores", "--metrics")
    two = call(capsys, *common, "--output", "s.scores", "--average", "scores", "--metrics")
    assert one["metrics"]["eer_percent"] != two["metrics"]["eer_percent"]
    assert Path(one["num_utts_file"]).read_text().startswith("spk00 2\nspk01 2\n")
    sliced = call(
        capsys, "metrics", "--scores", "e.scores", "--trials", "model_trials", "--utt2spk", "utt2spk",
        "--slice", "e.scores.num_utts", "utt2dur",
    )  # fmt: skip
    assert [part["value"] for part in sliced["slices"] if part["attribute"] == "e.scores.num_utts"] == ["2"]
    assert sliced["speakers"] == 12


def test_center_and_the_old_name_of_a_mean(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings = read_embeddings("emb/xvector.scp")
    np.save("mean_vec.npy", np.full(16, 0.5))
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_b", "--output"]

    def scores(*options: str) -> np.ndarray:
        call(capsys, *common, "s", *options)
        return read_scored_trials("s", "list_b").scores

    given = scores("--center", "mean_vec.npy")
    np.testing.assert_array_equal(scores("--backend", "mean_vec.npy"), given)
    write_embeddings("moved", embeddings.ids, embeddings.matrix - np.float32(0.5))
    call(capsys, "score", "--embeddings", "moved/xvector.scp", *common[3:], "s")
    np.testing.assert_array_equal(read_scored_trials("s", "list_b").scores, given)
    # Every recording of this list is in `emb`, so the list's own mean is that of the whole set.
    np.testing.assert_allclose(scores("--center", "auto"), scores("--center", "emb/xvector.scp"), atol=2e-7)
    assert not np.allclose(scores(), scores("--center", "auto"), atol=1e-3)
    assert main([*common, "s", "--mean-vector", "mean_vec.npy", "--json"]) == 0
    warning = capsys.readouterr().err
    assert warning == (
        "speakerssl score: --mean-vector is now --center FILE; the old name will go with the next release\n"
    )
    np.testing.assert_array_equal(read_scored_trials("s", "list_b").scores, given)


def test_bad_means(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("mean_vec.npy", np.zeros(3))
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_b", "--output", "x"]
    assert main([*common, "--center", "mean_vec.npy"]) == 2
    assert "mean_vec.npy: 3 numbers, the embeddings have 16" in capsys.readouterr().err
    assert main([*common, "--center", "auto", "--mean-vector", "mean_vec.npy"]) == 2
    assert "give --center alone" in capsys.readouterr().err
    assert main([*common, "--plda-normalization", "none"]) == 2
    assert "--plda-normalization is of the PLDA of a --backend" in capsys.readouterr().err
    assert not Path("x").exists()


def test_skip_missing(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("more").write_text("1 who spk00/0.wav\n" + Path("list_a.txt").read_text())
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "more", "--output", "m.scores"]
    assert main(common) == 2
    error = capsys.readouterr().err
    assert error == (
        "speakerssl score: emb/xvector.scp: no embedding for 'who', which more:1 asks for; "
        "--skip-missing leaves such trials out\n"
    )
    assert not Path("m.scores").exists()
    found = call(capsys, *common, "--skip-missing")
    assert (found["scored"], found["skipped"]) == (1770, 1)
    assert Path(found["skipped_file"]).read_text() == "who spk00/0.wav\n"
    assert main(["metrics", "--scores", "m.scores", "--trials", "more"]) == 2
    assert "no score for 'who spk00/0.wav' (more:1; 1 such)" in capsys.readouterr().err
    summary = call(capsys, "metrics", "--scores", "m.scores", "--trials", "more", "--skip-missing")
    assert summary["skipped"] == 1
    assert summary["skipped_pairs"] == [["who", "spk00/0.wav"]]


def test_a_list_without_labels(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pairs").write_text("spk00/0.wav spk01/0.wav\nspk00/0.wav spk00/1.wav\n")
    arguments = ["score", "--embeddings", "emb/xvector.scp", "--trials", "pairs", "--output", "s", "--metrics"]
    assert call(capsys, *arguments)["metrics"] is None
    assert main(arguments) == 0
    assert "pairs: has no labels, so there are no metrics of it" in capsys.readouterr().out
    assert main(["metrics", "--scores", "s", "--trials", "pairs"]) == 2
    assert "pairs: has no labels" in capsys.readouterr().err


def test_kaldi_plda_scores_as_the_golden_numbers(
    two_sets: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = np.load(shared_data / "kaldi_golden" / "golden.npz")
    write_kaldi_plda("plda", Plda(*(golden[f"plda/plda_{name}"] for name in ("mean", "transform", "psi"))))
    write_embeddings("e", [f"e{i}" for i in range(10)], golden["plda/enrol3"])
    write_embeddings("t", [f"t{i}" for i in range(10)], golden["plda/test"])
    Path("list").write_text("".join(f"e{i} t{j}\n" for i in range(10) for j in range(10)))
    Path("num_utts").write_text("".join(f"e{i} 3\n" for i in range(10)))
    for name, normalization in (("norm", "length"), ("simple", "simple"), ("nonorm", "none")):
        call(capsys, "score", "--backend", "plda", "--embeddings", "t/xvector.scp", "--enrol-embeddings",
             "e/xvector.scp", "--num-utts", "num_utts", "--trials", "list", "--plda-normalization", normalization,
             "--output", "s")  # fmt: skip
        expected = golden[f"plda/llr_n3_{name}_f64"].ravel()
        np.testing.assert_allclose(read_scores("s").values, expected, atol=2e-9)


def test_scores_say_what_they_are(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, *TRAIN, "--plda")
    assert call(capsys, *SCORE, "b.npz", "--output", "s")["score"] == "natural-log likelihood ratio of the PLDA"
    assert main([*SCORE, "b.npz", "--output", "s"]) == 0
    assert "s: each score is a natural-log likelihood ratio of the PLDA" in capsys.readouterr().out
