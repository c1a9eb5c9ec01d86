"""`speakerssl score`, `metrics` and `compare` as a person calls them."""

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
from speakerssl.metrics.detection import compute_eer, compute_min_dcf
from speakerssl.trials.score_file import read_scored_trials


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve speakers of five recordings each, embeddings, two lists, utt2spk and utt2dur."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    voices = rng.standard_normal((12, 16))
    ids = [f"spk{s:02d}/{r}.wav" for s in range(12) for r in range(5)]
    matrix = np.repeat(voices, 5, axis=0) + 0.9 * rng.standard_normal((60, 16))
    write_embeddings("emb", ids, matrix)
    pairs = [(ids[i], ids[j], int(i // 5 == j // 5)) for i in range(60) for j in range(i)]
    Path("list_a.txt").write_text("".join(f"{y} {e} {t}\n" for e, t, y in pairs))
    kinds = ("nontarget", "target")
    Path("list_b").write_text("".join(f"{e} {t} {kinds[y]}\n" for e, t, y in pairs[::2]))
    Path("utt2spk").write_text("".join(f"{name} {name[:5]}\n" for name in ids))
    Path("utt2dur").write_text("".join(f"{name} {2 + i * 0.1:.2f}\n" for i, name in enumerate(ids)))
    Path("spk2utt").write_text("".join(f"spk{s:02d} {' '.join(ids[5 * s : 5 * s + 2])}\n" for s in range(12)))
    Path("model_trials").write_text(
        "".join(f"spk{s:02d} {t} {int(t[:5] == f'spk{s:02d}')}\n" for s in range(12) for t in ids)
    )
    return tmp_path


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_score_then_metrics(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scoring = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output", "out/a.scores"]
    together = _json(capsys, *scoring, "--metrics", "--p-target", "0.05")
    assert together["scored"] == 1770
    alone = _json(capsys, "metrics", "--scores", "out/a.scores", "--trials", "list_a.txt", "--p-target", "0.05")
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
    found = _json(capsys, *common, "both")
    assert [result["scores_file"] for result in found] == ["both/list_a.scores", "both/list_b.scores"]
    assert [result["scored"] for result in found] == [1770, 885]
    _json(capsys, *common, "one.txt", "two.txt.gz")
    one, two = read_scored_trials("one.txt", "list_a.txt"), read_scored_trials("two.txt.gz", "list_b")
    np.testing.assert_array_equal(one.scores[::2], two.scores)
    metrics = ["metrics", "--scores", "one.txt", "--trials", "list_b", "--p-target", "0.01", "--p-target", "0.1"]
    summary = _json(capsys, *metrics)
    assert [cost["p_target"] for cost in summary["costs"]] == [0.01, 0.1]
    assert summary["min_dcf"] == summary["costs"][0]["min_dcf"]
    assert main([*common, "a", "b", "c"]) == 2
    assert main(["score", "--embeddings", "emb/xvector.scp", "--trials", "list_b", "list_b", "--output", "d"]) == 2


def test_enrolment_models(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--enrol-models", "spk2utt", "--trials", "model_trials"]
    one = _json(capsys, *common, "--output", "e.scores", "--metrics")
    two = _json(capsys, *common, "--output", "s.scores", "--average", "scores", "--metrics")
    assert one["metrics"]["eer_percent"] != two["metrics"]["eer_percent"]
    assert Path(one["num_utts_file"]).read_text().startswith("spk00 2\nspk01 2\n")
    sliced = _json(
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
        _json(capsys, *common, "s", *options)
        return read_scored_trials("s", "list_b").scores

    given = scores("--center", "mean_vec.npy")
    np.testing.assert_array_equal(scores("--backend", "mean_vec.npy"), given)
    write_embeddings("moved", embeddings.ids, embeddings.matrix - np.float32(0.5))
    _json(capsys, "score", "--embeddings", "moved/xvector.scp", *common[3:], "s")
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
    found = _json(capsys, *common, "--skip-missing")
    assert (found["scored"], found["skipped"]) == (1770, 1)
    assert Path(found["skipped_file"]).read_text() == "who spk00/0.wav\n"
    assert main(["metrics", "--scores", "m.scores", "--trials", "more"]) == 2
    assert "no score for 'who spk00/0.wav' (more:1; 1 such)" in capsys.readouterr().err
    summary = _json(capsys, "metrics", "--scores", "m.scores", "--trials", "more", "--skip-missing")
    assert summary["skipped"] == 1
    assert summary["skipped_pairs"] == [["who", "spk00/0.wav"]]


def test_intervals_and_comparison(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output"]
    _json(capsys, *common, "good")
    rng = np.random.default_rng(0)
    lines = Path("good").read_text().splitlines()
    Path("bad").write_text(
        "".join(f"{line} \n".replace(line.split()[2], str(rng.random())) for line in reversed(lines))
    )
    summary = _json(capsys, "metrics", "--scores", "good", "--trials", "list_a.txt", "--bootstrap", "50", "--seed", "3")
    for name in ("eer_percent", "min_dcf", "cllr", "auc"):
        interval = summary["intervals"][name]
        assert interval["low"] <= summary[name] <= interval["high"]
    assert summary["bootstrap"] == {"replicates": 50, "seed": 3, "level": 0.95}
    arguments = ["compare", "--scores", "good", "bad", "--trials", "list_a.txt", "--bootstrap", "100"]
    found = _json(capsys, *arguments)
    assert found["differences"]["eer"]["p_value"] < 0.05
    assert found["differences"]["eer"]["low"] > 0
    assert found["differences"]["eer"]["first"] == pytest.approx(summary["eer_percent"] / 100)
    assert main(arguments) == 0
    assert "difference = second - first" in " ".join(capsys.readouterr().out.split())


def test_comparison_on_what_both_scored(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output"]
    _json(capsys, *common, "all")
    lines = Path("all").read_text().splitlines(keepends=True)
    Path("one").write_text("".join(lines[:-2]))
    Path("two").write_text("".join(lines[3:]))
    arguments = ["compare", "--scores", "one", "two", "--trials", "list_a.txt", "--bootstrap", "5"]
    assert main(arguments) == 2
    capsys.readouterr()
    found = _json(capsys, *arguments, "--skip-missing")
    assert (found["trials"], found["skipped"]) == (1765, 5)
    assert found["differences"]["eer"]["difference"] == 0


def test_tables_carry_definitions(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["score", "--embeddings", "emb/xvector.scp", "--trials", "list_a.txt", "--output", "s", "--metrics"]
    assert main(common) == 0
    out = capsys.readouterr().out
    assert out.startswith("s: 1770 scores of list_a.txt\n")
    for word in ("EER %", "minDCF 0.05", "p_target 0.05, c_miss 1, c_fa 1", "Cllr", "ties"):
        assert word in out
    arguments = ["metrics", "--scores", "s", "--trials", "list_a.txt", "--bootstrap", "20", "--slice", "utt2dur"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for word in ("95 % interval", "20 replicates, seed 0", "OPIS", "dur [2", "speakers are drawn with replacement"):
        assert word in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": "a b 0.5\na c nan\n"}, "scores:2: the score is nan"),
        ({"trials": "1 a b\n1 a c\n"}, "trials: holds target trials only"),
        ({"trials": "1 a b\n0 a d\n"}, "scores: no score for 'a d' (trials:2; 1 such)"),
        ({"options": ["--p-target", "1.5"]}, "--p-target is 1.5; it must lie between 0 and 1"),
        ({"options": ["--c-fa", "0"]}, "--c-fa is 0.0; it must be above 0"),
        (
            {"options": ["--bootstrap", "10"]},
            "trials: the speaker of 'a' cannot be told from its id; give a file",
        ),
        ({"options": ["--slice", "nowhere"]}, "nowhere: cannot be read"),
        ({"options": ["--bootstrap", "-1"]}, "must not be negative"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: dict, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scores").write_text(change.get("scores", "a b 0.5\na c 0.1\n"))
    Path("trials").write_text(change.get("trials", "1 a b\n0 a c\n"))
    assert main(["metrics", "--scores", "scores", "--trials", "trials", *change.get("options", [])]) == 2
    error = capsys.readouterr().err
    assert error.startswith("speakerssl metrics: ")
    assert message in error
    assert error.count("\n") == 1


def test_published_numbers_from_the_command_line(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "published_scores"
    summary = _json(
        capsys, "metrics", "--scores", str(folder / "voxsrc2021_val_scores.txt.gz"), "--trials",
        str(folder / "voxsrc2021_val_trials.txt.gz"), "--p-target", "0.05",
    )  # fmt: skip
    assert f"{summary['eer_percent']:.3f}" == "5.177"
    assert f"{summary['min_dcf']:.4f}" == "0.2928"
    assert (summary["targets"], summary["nontargets"], summary["speakers"]) == (29969, 30031, 1251)


def test_no_torch_on_this_path(corpus: Path) -> None:
    code = (
        "import sys; from speakerssl.cli.main import main\n"
        "scoring = ['score', '--embeddings', 'emb/xvector.scp', '--trials', 'list_a.txt', '--output', 's']\n"
        "assert main([*scoring, '--metrics']) == 0\n"
        "assert main(['metrics', '--scores', 's', '--trials', 'list_a.txt', '--bootstrap', '5']) == 0\n"
        "assert main(['compare', '--scores', 's', 's', '--trials', 'list_a.txt', '--bootstrap', '5']) == 0\n"
        "heavy = {'torch', 'torchaudio', 'sklearn', 'speechbrain', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=corpus)
    assert done.returncode == 0, done.stderr


def test_a_list_without_labels(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pairs").write_text("spk00/0.wav spk01/0.wav\nspk00/0.wav spk00/1.wav\n")
    arguments = ["score", "--embeddings", "emb/xvector.scp", "--trials", "pairs", "--output", "s", "--metrics"]
    assert _json(capsys, *arguments)["metrics"] is None
    assert main(arguments) == 0
    assert "pairs: has no labels, so there are no metrics of it" in capsys.readouterr().out
    assert main(["metrics", "--scores", "s", "--trials", "pairs"]) == 2
    assert "pairs: has no labels" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["score", "metrics", "compare"])
def test_help_has_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"  speakerssl {verb} --" in out
    assert "--json" in out
