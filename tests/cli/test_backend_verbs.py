"""`speakerssl norm`, `backend`, `calibrate` and `fuse` as a person calls them, each on the files of the others."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from speakerssl.scoring.kaldi_plda import read_kaldi_plda, write_kaldi_plda
from speakerssl.scoring.plda import Plda
from speakerssl.trials.score_file import read_scored_trials, read_scores


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Test embeddings of 12 speakers, training ones of 40 others, lists, labels and durations."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((16, 16))
    for name, speakers, each in (("test", 12, 5), ("train", 40, 6)):
        ids = [f"{name}{s:02d}/{r}.wav" for s in range(speakers) for r in range(each)]
        voices = np.repeat(rng.standard_normal((speakers, 16)), each, axis=0)
        write_embeddings(name, ids, (voices + 0.9 * rng.standard_normal((len(ids), 16))) @ mix + 0.5)
        Path(name, "utt2spk").write_text("".join(f"{i} {i.partition('/')[0]}\n" for i in ids))
        Path(name, "utt2dur").write_text("".join(f"{i} {rng.uniform(1, 9):.2f}\n" for i in ids))
    ids = read_embeddings("test/xvector.scp").ids
    pairs = [(a, b) for n, a in enumerate(ids) for b in ids[:n]]
    Path("trials").write_text("".join(f"{int(a[:6] == b[:6])} {a} {b}\n" for a, b in pairs))
    Path("spk2utt").write_text("".join(f"m{s:02d} {' '.join(ids[5 * s : 5 * s + 2])}\n" for s in range(12)))
    Path("model_trials").write_text(
        "".join(f"m{s:02d} {i} {int(i[4:6] == f'{s:02d}')}\n" for s in range(12) for i in ids)
    )
    return tmp_path


NORM = ("norm", "--embeddings", "test/xvector.scp", "--trials", "trials", "--cohort", "train/xvector.scp")
TRAIN = ("backend", "train", "--embeddings", "train/xvector.scp", "--utt2spk", "train/utt2spk", "--chain",
         "mean,lda:10,length", "--output", "b.npz")  # fmt: skip
SCORE = ("score", "--embeddings", "test/xvector.scp", "--trials", "trials", "--backend")


def done(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that the verb ends with, exit status 2."""
    assert main([*arguments]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


def cosine_scores(capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, "score", "--embeddings", "test/xvector.scp", "--trials", "trials", "--output", "cosine.scores")


def cllr_of(capsys: pytest.CaptureFixture[str], path: str) -> dict[str, float]:
    found: dict[str, float] = done(capsys, "metrics", "--scores", path, "--trials", "trials")
    return found


def test_norm_from_embeddings_or_scores_is_the_same(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    facts = done(capsys, *NORM, "--top", "50", "--output", "a")
    assert (facts["cohort"], facts["trials"], facts["top"]) == (240, 1770, 50)
    done(capsys, *NORM, "--scores", "cosine.scores", "--top", "50", "--output", "b")
    np.testing.assert_allclose(read_scores("a").values, read_scores("b").values, atol=1e-5)
    assert cllr_of(capsys, "a")["eer_percent"] < cllr_of(capsys, "cosine.scores")["eer_percent"] + 2


def test_norm_from_cohort_score_files(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    done(capsys, *NORM, "--top", "50", "--output", "a")
    ids, cohort = read_embeddings("test/xvector.scp").ids, read_embeddings("train/xvector.scp").ids
    Path("against").write_text("".join(f"{i} {c}\n" for i in ids for c in cohort))
    write_embeddings(
        "both", ids + cohort, np.concatenate([read_embeddings(f"{n}/xvector.scp").matrix for n in ("test", "train")])
    )
    done(capsys, "score", "--embeddings", "both/xvector.scp", "--trials", "against", "--output", "cohort.scores")
    files = ("--enrol-cohort-scores", "cohort.scores", "--test-cohort-scores", "cohort.scores")
    done(capsys, "norm", "--scores", "cosine.scores", *files, "--top", "50", "--output", "c")
    np.testing.assert_allclose(read_scores("a").values, read_scores("c").values, atol=2e-5)


@pytest.mark.parametrize("method", ["z", "t", "s", "as"])
def test_norm_methods_with_speaker_and_pseudo_cohorts(
    method: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--method", method, "--top", "20")
    labelled = done(capsys, *NORM, "--cohort-utt2spk", "train/utt2spk", *options, "--output", "a")
    assert labelled["cohort"] == 40
    blind = done(capsys, *NORM, "--cohort-clusters", "40", "--clustering", "agglomerative", *options,
                 "--output", "b", "--write-clusters", "pseudo")  # fmt: skip
    assert blind["cohort"] == 40
    assert len(Path("pseudo").read_text().splitlines()) == 240
    one, other = read_scores("a").values, read_scores("b").values
    assert np.corrcoef(one, other)[0, 1] > 0.9


def test_norm_of_models_with_a_backend(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, *TRAIN, "--plda")
    for extra in ((), ("--backend", "b.npz")):
        facts = done(capsys, "norm", "--embeddings", "test/xvector.scp", "--trials", "model_trials", "--enrol-models",
                     "spk2utt", "--cohort", "train/xvector.scp", "--top", "30", "--output", "m", *extra)  # fmt: skip
        assert facts["trials"] == 720
        scored = read_scored_trials("m", "model_trials")
        labels = scored.trials.require_labels().astype(bool)
        assert scored.scores[labels].mean() > scored.scores[~labels].mean() + 1


def test_backend_beats_cosine_and_adapts(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    facts = done(capsys, *TRAIN, "--plda", "--kaldi-plda", "plda")
    assert (facts["recordings"], facts["speakers"]) == (240, 40)
    done(capsys, *SCORE, "b.npz", "--output", "plda.scores")
    plda, cosine = cllr_of(capsys, "plda.scores"), cllr_of(capsys, "cosine.scores")
    assert plda["eer_percent"] < cosine["eer_percent"]
    # Log-likelihood ratios as they come, uncalibrated, from 40 training speakers: still informative (below 1 bit).
    assert plda["cllr"] < 1
    assert read_kaldi_plda("plda").dim == 10
    for method in ("kaldi", "coral+"):
        done(capsys, "backend", "adapt", "--backend", "b.npz", "--adapt", "test/xvector.scp", "--plda-adapt", method,
             "--output", "adapted.npz")  # fmt: skip
        done(capsys, *SCORE, "adapted.npz", "--output", "adapted.scores")
        assert cllr_of(capsys, "adapted.scores")["eer_percent"] < cosine["eer_percent"]


def test_backend_without_labels(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = done(capsys, "backend", "train", "--embeddings", "train/xvector.scp", "--clusters", "40", "--chain",
                 "mean,lda:10,length", "--plda", "--output", "b.npz")  # fmt: skip
    assert facts["clusters"] == 40
    done(capsys, *SCORE, "b.npz", "--output", "s")
    assert cllr_of(capsys, "s")["eer_percent"] < 30


def test_kaldi_plda_scores_as_the_golden_numbers(
    corpus: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = np.load(shared_data / "kaldi_golden" / "golden.npz")
    write_kaldi_plda("plda", Plda(*(golden[f"plda/plda_{name}"] for name in ("mean", "transform", "psi"))))
    write_embeddings("e", [f"e{i}" for i in range(10)], golden["plda/enrol3"])
    write_embeddings("t", [f"t{i}" for i in range(10)], golden["plda/test"])
    Path("list").write_text("".join(f"e{i} t{j}\n" for i in range(10) for j in range(10)))
    Path("num_utts").write_text("".join(f"e{i} 3\n" for i in range(10)))
    for name, normalization in (("norm", "length"), ("simple", "simple"), ("nonorm", "none")):
        done(capsys, "score", "--backend", "plda", "--embeddings", "t/xvector.scp", "--enrol-embeddings",
             "e/xvector.scp", "--num-utts", "num_utts", "--trials", "list", "--plda-normalization", normalization,
             "--output", "s")  # fmt: skip
        expected = golden[f"plda/llr_n3_{name}_f64"].ravel()
        np.testing.assert_allclose(read_scores("s").values, expected, atol=2e-9)


def test_transformed_embeddings(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, *TRAIN)
    done(capsys, *SCORE, "b.npz", "--output", "one")
    facts = done(capsys, "backend", "apply", "--backend", "b.npz", "--embeddings", "test/xvector.scp",
                 "--output-embeddings", "moved")  # fmt: skip
    assert facts == {"backend": "mean,lda:10,length, cosine", "embeddings": "moved/xvector.scp"}
    done(capsys, "score", "--embeddings", "moved/xvector.scp", "--trials", "trials", "--output", "two")
    np.testing.assert_allclose(read_scores("one").values, read_scores("two").values, atol=1e-6)


def test_apply_still_scores_for_one_release(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, *TRAIN, "--plda")
    for options in ((), ("--plda-normalization", "simple")):
        done(capsys, *SCORE, "b.npz", "--output", "new", *options)
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


def test_scores_say_what_they_are(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, *TRAIN, "--plda")
    assert done(capsys, *SCORE, "b.npz", "--output", "s")["score"] == "natural-log likelihood ratio of the PLDA"
    assert main([*SCORE, "b.npz", "--output", "s"]) == 0
    assert "s: each score is a natural-log likelihood ratio of the PLDA" in capsys.readouterr().out


def test_norm_centres_trials_and_cohort_alike(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, *NORM, "--top", "50", "--center", "train/xvector.scp", "--output", "a")
    mean = read_embeddings("train/xvector.scp").matrix.mean(0, dtype=np.float64).astype(np.float32)
    for name in ("test", "train"):
        embeddings = read_embeddings(f"{name}/xvector.scp")
        write_embeddings(f"moved_{name}", embeddings.ids, embeddings.matrix - mean)
    done(capsys, "norm", "--embeddings", "moved_test/xvector.scp", "--trials", "trials", "--cohort",
         "moved_train/xvector.scp", "--top", "50", "--output", "b")  # fmt: skip
    np.testing.assert_array_equal(read_scores("a").values, read_scores("b").values)


def test_inverted_scores_are_told(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    rows = [line.split() for line in Path("cosine.scores").read_text().splitlines()]
    Path("distances").write_text("".join(f"{e} {t} {1 - float(s):.9f}\n" for e, t, s in rows))
    facts = done(capsys, "calibrate", "--scores", "cosine.scores", "--trials", "trials", "--output", "right")
    assert "sign_flipped" not in facts
    arguments = ["calibrate", "--scores", "distances", "--trials", "trials", "--save", "m.json", "--output", "turned"]
    assert main([*arguments, "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["sign_flipped"] is True
    assert output.err == (
        "speakerssl calibrate: distances: scores are lower where speakers are the same (an EER over 50 %); the "
        "calibration flips their sign\n"
    )
    np.testing.assert_allclose(read_scores("turned").values, read_scores("right").values, atol=1e-4)
    assert done(capsys, "calibrate", "--scores", "distances", "--load", "m.json", "--output", "x")["sign_flipped"]
    assert (
        main(["calibrate", "--scores", "distances", "--trials", "trials", "--method", "isotonic", "--output", "x"]) == 0
    )
    assert "isotonic calibration makes them" in capsys.readouterr().err


def test_a_file_and_a_method_of_adaptation_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backend", "train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--adapt FILE file of unlabelled embeddings of the domain that will be scored" in text
    assert "method (not a file) by which the PLDA is adapted to the embeddings of --adapt" in text


def test_calibrate_save_load_and_cross_validate(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    common = ("calibrate", "--scores", "cosine.scores")
    for method in ("logistic", "isotonic"):
        trained = done(capsys, *common, "--trials", "trials", "--method", method, "--save", "m.json", "--output", "a")
        assert done(capsys, *common, "--load", "m.json", "--output", "b")["trials"] == 1770
        np.testing.assert_array_equal(read_scores("a").values, read_scores("b").values)
        assert trained["cllr_bits"] == pytest.approx(cllr_of(capsys, "a")["cllr"], abs=1e-6)
        blind = done(capsys, *common, "--trials", "trials", "--method", method, "--cross-validate", "--output", "c")
        assert trained["cllr_bits"] < blind["cllr_bits"] < cllr_of(capsys, "cosine.scores")["cllr"]
        assert blind["cllr_is"] == "cross-validated by speaker"


def test_calibrate_with_every_quality_measure(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done(capsys, *NORM, "--top", "50", "--output", "as", "--write-cohort-means", "means")
    quality = ("--quality", "duration=test/utt2dur", "--quality", "cohort-mean=means", "--quality-norm",
               "test/xvector.scp")  # fmt: skip
    facts = done(capsys, "calibrate", "--scores", "as", "--trials", "trials", *quality, "--save", "m.json")
    assert list(facts["weights"]) == ["score", "duration.min", "duration.max", "cohort-mean.min", "cohort-mean.max",
                                      "norm.min", "norm.max"]  # fmt: skip
    done(capsys, "calibrate", "--scores", "as", "--load", "m.json", *quality, "--output", "llr")
    assert "give the same --quality" in refused(
        capsys, "calibrate", "--scores", "as", "--load", "m.json", "--output", "x"
    )


def test_fuse_greedy_save_and_load(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    done(capsys, *TRAIN, "--plda")
    done(capsys, *SCORE, "b.npz", "--output", "plda.txt")
    lines = Path("plda.txt").read_text().splitlines()
    Path("plda.txt").write_text("\n".join(lines[::-1]) + "\n")
    noise = np.random.default_rng(0).standard_normal(len(lines))
    Path("noise").write_text("".join(f"{' '.join(x.split()[:2])} {n:.4f}\n" for x, n in zip(lines, noise)))
    common = ("fuse", "--scores", "cosine.scores", "plda.txt", "noise")
    all_three = done(capsys, *common, "--trials", "trials", "--cross-validate", "--output", "all")
    greedy = done(capsys, *common, "--trials", "trials", "--greedy", "--cross-validate", "--min-gain", "0.01",
                  "--save", "f.json", "--output", "g")  # fmt: skip
    alone = {
        name: done(capsys, "calibrate", "--scores", path, "--trials", "trials", "--cross-validate", "--output", "x")
        for name, path in (("cosine", "cosine.scores"), ("plda", "plda.txt"), ("noise", "noise"))
    }
    first = next(iter(greedy["weights"]))
    assert first == min(alone, key=lambda name: float(alone[name]["cllr_bits"]))
    assert greedy["greedy_bits"][first] == pytest.approx(alone[first]["cllr_bits"], abs=1e-6)
    assert "noise" not in greedy["weights"]
    assert abs(greedy["cllr_bits"] - all_three["cllr_bits"]) < 0.05
    fitted = done(
        capsys, "fuse", "--scores", "noise", "plda=plda.txt", "cosine.scores", "--load", "f.json", "--output", "h"
    )
    assert fitted["trials"] == 1770
    scored = read_scored_trials("h", "trials")
    assert len(scored) == 1770


def test_skip_missing_lists_what_it_skipped(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    done(capsys, *NORM, "--top", "50", "--output", "full")
    whole = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in Path("full").read_text().splitlines()}
    for line in Path("a").read_text().splitlines():
        pair, score = line.rsplit(" ", 1)
        assert whole[pair] == pytest.approx(float(score), abs=1e-5)
    facts = done(capsys, "calibrate", "--scores", "a", "--trials", "trials", "--quality", "duration=test/utt2dur",
                 "--cross-validate", "--skip-missing", "--output", "c")  # fmt: skip
    assert facts["skipped"] == 59
    assert Path("c.skipped").read_text() == Path("a.skipped").read_text()
    fused = done(capsys, "fuse", "--scores", "full", "a", "--trials", "trials", "--skip-missing", "--output", "f")
    assert (fused["trials"], fused["skipped"]) == (1711, 59)


def test_bad_input_is_one_line(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    lines = Path("cosine.scores").read_text().splitlines()
    Path("nan").write_text("\n".join([*lines[:4], lines[4].rsplit(" ", 1)[0] + " nan", *lines[5:]]) + "\n")
    Path("targets").write_text("".join(x for x in Path("trials").read_text().splitlines(True) if x[0] == "1"))
    narrow = read_embeddings("train/xvector.scp")
    write_embeddings("narrow", narrow.ids, narrow.matrix[:, :7])
    write_embeddings("few", narrow.ids[:5], narrow.matrix[:5])
    write_embeddings("flat", narrow.ids, np.hstack([narrow.matrix, narrow.matrix[:, :1]]))
    calibrate = ("calibrate", "--trials", "trials", "--save", "m", "--scores")
    assert "nan:5: the score is nan" in refused(capsys, *calibrate, "nan")
    assert "target trials only" in refused(
        capsys, "calibrate", "--scores", "cosine.scores", "--trials", "targets", "--save", "m"
    )
    small = ("norm", "--embeddings", "test/xvector.scp", "--trials", "trials", "--output", "x", "--cohort")
    assert "few/xvector.scp: a cohort of 5 is smaller than --top 300" in refused(capsys, *small, "few/xvector.scp")
    assert "narrow/xvector.scp holds embeddings of 7" in refused(capsys, *small, "narrow/xvector.scp")
    train = ("backend", "train", "--utt2spk", "train/utt2spk", "--output", "x", "--embeddings")
    assert "rank 16 of 17" in refused(capsys, *train, "flat/xvector.scp", "--plda")
    assert "unknown transform 'pca'" in refused(capsys, *train, "narrow/xvector.scp", "--chain", "mean,pca:3")
    assert "no speaker for 'test00/0.wav'" in refused(capsys, *train, "test/xvector.scp", "--plda")
    assert "nothing to do" in refused(capsys, "backend", "apply", "--backend", "b", "--embeddings", "e")
    assert "give --output for scores" in refused(capsys, "calibrate", "--scores", "cosine.scores", "--trials", "trials")
    assert "two systems are named" in refused(
        capsys, "fuse", "--scores", "cosine.scores", "cosine.scores", "--trials", "trials", "--save", "m"
    )
    assert not Path("x").exists()


def test_recordings_that_meet_themselves_are_told(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*NORM[:-1], "test/xvector.scp", "--top", "20", "--output", "a"]
    assert main(arguments) == 0
    assert "60 recordings of test/xvector.scp are in test/xvector.scp too" in capsys.readouterr().err


def test_published_scores_are_calibrated(corpus: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The VoxSRC 2021 validation scores: published EER 5.177 %, before and after."""
    folder = shared_data / "published_scores"
    lists = [str(folder / f"voxsrc2021_val_{name}.txt.gz") for name in ("scores", "trials")]
    arguments = ("calibrate", "--scores", lists[0], "--trials", lists[1], "--output", "llr")
    raw = done(capsys, "metrics", "--scores", lists[0], "--trials", lists[1])
    for extra in ((), ("--cross-validate",)):
        facts = done(capsys, *arguments, *extra)
        found = done(capsys, "metrics", "--scores", "llr", "--trials", lists[1])
        assert facts["cllr_bits"] == pytest.approx(found["cllr"], abs=1e-6)
        assert found["eer_percent"] == pytest.approx(5.177, abs=5e-4 if not extra else 0.1)
        assert found["cllr"] < 0.5 * raw["cllr"]
        assert found["cllr"] < 1.05 * found["min_cllr"]


@pytest.mark.parametrize("verb", ["norm", "backend", "calibrate", "fuse"])
def test_help_needs_no_torch(verb: str) -> None:
    code = (
        "import sys; from speakerssl.cli.main import main\n"
        f"try: main(['{verb}', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'sklearn', 'speechbrain'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "--json" in result.stdout or "train" in result.stdout
