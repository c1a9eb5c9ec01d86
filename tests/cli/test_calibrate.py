"""`speakerssl calibrate`: trained, saved, loaded, cross-validated; inverted scores; published ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.trials.score_file import read_scores
from tests.cli.conftest import call, cllr_of, cosine_scores, refused


def test_inverted_scores_are_told(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    rows = [line.split() for line in Path("cosine.scores").read_text().splitlines()]
    Path("distances").write_text("".join(f"{e} {t} {1 - float(s):.9f}\n" for e, t, s in rows))
    facts = call(capsys, "calibrate", "--scores", "cosine.scores", "--trials", "trials", "--output", "right")
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
    assert call(capsys, "calibrate", "--scores", "distances", "--load", "m.json", "--output", "x")["sign_flipped"]
    assert (
        main(["calibrate", "--scores", "distances", "--trials", "trials", "--method", "isotonic", "--output", "x"]) == 0
    )
    assert "isotonic calibration makes them" in capsys.readouterr().err


def test_calibrate_save_load_and_cross_validate(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    common = ("calibrate", "--scores", "cosine.scores")
    for method in ("logistic", "isotonic"):
        trained = call(capsys, *common, "--trials", "trials", "--method", method, "--save", "m.json", "--output", "a")
        assert call(capsys, *common, "--load", "m.json", "--output", "b")["trials"] == 1770
        np.testing.assert_array_equal(read_scores("a").values, read_scores("b").values)
        assert trained["cllr_bits"] == pytest.approx(cllr_of(capsys, "a")["cllr"], abs=1e-6)
        blind = call(capsys, *common, "--trials", "trials", "--method", method, "--cross-validate", "--output", "c")
        assert trained["cllr_bits"] < blind["cllr_bits"] < cllr_of(capsys, "cosine.scores")["cllr"]
        assert blind["cllr_is"] == "cross-validated by speaker"


def test_published_scores_are_calibrated(two_sets: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The VoxSRC 2021 validation scores: published EER 5.177 %, before and after."""
    folder = shared_data / "published_scores"
    lists = [str(folder / f"voxsrc2021_val_{name}.txt.gz") for name in ("scores", "trials")]
    arguments = ("calibrate", "--scores", lists[0], "--trials", lists[1], "--output", "llr")
    raw = call(capsys, "metrics", "--scores", lists[0], "--trials", lists[1])
    for extra in ((), ("--cross-validate",)):
        facts = call(capsys, *arguments, *extra)
        found = call(capsys, "metrics", "--scores", "llr", "--trials", lists[1])
        assert facts["cllr_bits"] == pytest.approx(found["cllr"], abs=1e-6)
        assert found["eer_percent"] == pytest.approx(5.177, abs=5e-4 if not extra else 0.1)
        assert found["cllr"] < 0.5 * raw["cllr"]
        assert found["cllr"] < 1.05 * found["min_cllr"]


def test_bad_input_is_one_line(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cosine_scores(capsys)
    lines = Path("cosine.scores").read_text().splitlines()
    Path("nan").write_text("\n".join([*lines[:4], lines[4].rsplit(" ", 1)[0] + " nan", *lines[5:]]) + "\n")
    Path("targets").write_text("".join(x for x in Path("trials").read_text().splitlines(True) if x[0] == "1"))
    common = ("calibrate", "--save", "m", "--scores")
    assert "nan:5: the score is nan" in refused(capsys, *common, "nan", "--trials", "trials")
    assert "target trials only" in refused(capsys, *common, "cosine.scores", "--trials", "targets")
    assert "give --output for scores" in refused(capsys, "calibrate", "--scores", "cosine.scores", "--trials", "trials")
    assert not Path("m").exists()
