"""One table of several systems on several lists, over seeds."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.detection import compute_eer, compute_min_dcf
from speakerssl.report.results import collect, format_values, seed_folders, to_markdown


@pytest.fixture
def exp(tmp_path: Path) -> Path:
    """Systems `am` (seeds 0, 2 and 10) and `floor` on the list `easy|x`."""
    rng = np.random.default_rng(0)
    pairs = [(f"a{i}", f"b{i}", i % 2) for i in range(60)]
    (tmp_path / "trials").write_text("".join(f"{y} {a} {b}\n" for a, b, y in pairs))
    for name in ("am-s0", "am-s2", "am-s10", "floor"):
        (tmp_path / name / "scores").mkdir(parents=True)
        lines = [f"{a} {b} {y + rng.standard_normal():.5f}\n" for a, b, y in pairs]
        (tmp_path / name / "scores" / "easy|x.txt").write_text("".join(lines))
    return tmp_path


def test_seeds_share_a_row_in_their_order(exp: Path) -> None:
    (exp / "am-slow").mkdir()  # no seed
    assert [path.name for path in seed_folders(exp, "am")] == ["am-s0", "am-s2", "am-s10"]
    assert seed_folders(exp, "floor") == [exp / "floor"]
    assert seed_folders(exp, "none") == []


def test_cells_hold_the_metrics_of_every_seed(exp: Path) -> None:
    found = collect(exp, ["am", "floor"], {"easy|x": exp / "trials"}, (0.05, 0.5))
    assert found.sizes == {"easy|x": (30, 30)}
    labels = np.array([i % 2 for i in range(60)])
    scores = np.array([float(x.split()[2]) for x in (exp / "floor" / "scores" / "easy|x.txt").read_text().splitlines()])
    cell = found.cells["floor"]["easy|x"]
    assert cell.eer_percent == (pytest.approx(100 * compute_eer(scores, labels)),)
    assert cell.min_dcfs == ((pytest.approx(compute_min_dcf(scores, labels, 0.05)),),
                             (pytest.approx(compute_min_dcf(scores, labels, 0.5)),))  # fmt: skip
    assert cell.min_dcf == cell.min_dcfs[0]
    assert len(found.cells["am"]["easy|x"].eer_percent) == 3
    lines = to_markdown(found).splitlines()
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1  # a name with a bar moves no column
    assert lines[2].startswith("| am | 3 | ")
    assert " ± " in lines[2]
    assert " ± " not in lines[3]
    assert "p_target 0.05, 0.5" in found.definition


def test_values_with_their_spread() -> None:
    assert format_values([12.345], 2) == "12.35" or format_values([12.345], 2) == "12.34"
    assert format_values([1.0, 2.0, 3.0], 1) == "2.0 ± 1.0"


def test_what_is_missing_is_named(exp: Path) -> None:
    with pytest.raises(InputError, match="none/scores: does not exist; run the recipe's scoring stage first"):
        collect(exp, ["none"], {"easy|x": exp / "trials"}, (0.05,))
