"""From score files to summaries and comparisons."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.score_files import compare_files, known_speakers, summarize_file
from speakerssl.metrics.summary import SummaryOptions, summarize
from speakerssl.trials.score_file import read_scored_trials


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`list`, and `one` and `two`, scores of it in another order, of 6 speakers with 3 recordings."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    ids = [f"s{s}/{r}" for s in range(6) for r in range(3)]
    pairs = [(a, b, int(a[:2] == b[:2])) for n, a in enumerate(ids) for b in ids[:n]]
    Path("list").write_text("".join(f"{y} {a} {b}\n" for a, b, y in pairs))
    for name, shift in (("one", 2.0), ("two", 1.0)):
        lines = [f"{a} {b} {shift * y + rng.standard_normal():.6f}\n" for a, b, y in pairs]
        Path(name).write_text("".join(lines[::-1]))
    return tmp_path


def test_a_summary_is_that_of_the_joined_scores(folder: Path) -> None:
    found = summarize_file("one", "list")
    scored = read_scored_trials("one", "list")
    expected = summarize(scored.scores, scored.trials.require_labels())
    assert expected.pop("definitions").items() <= found["definitions"].items()  # and more, since speakers are known
    assert {key: found[key] for key in expected} == expected
    assert (found["scores_file"], found["trials_file"], found["skipped"]) == ("one", "list", 0)
    assert found["speakers"] == 6


def test_skipped_trials_are_counted_and_shown(folder: Path) -> None:
    Path("part").write_text("".join(Path("one").read_text().splitlines(True)[2:]))
    with pytest.raises(InputError, match="part: no score for"):
        summarize_file("part", "list")
    found = summarize_file("part", "list", skip_missing=True)
    assert found["skipped"] == len(found["skipped_pairs"]) == 2
    assert found["trials"] == 151


def test_speakers_are_required_for_intervals_alone(folder: Path) -> None:
    for name in ("list", "one"):
        Path(f"plain_{name}").write_text(Path(name).read_text().replace("/", "-"))
    assert "speakers" not in summarize_file("plain_one", "plain_list")
    with pytest.raises(InputError, match="the speaker of"):
        summarize_file("plain_one", "plain_list", SummaryOptions(bootstrap=5))
    assert known_speakers(read_scored_trials("plain_one", "plain_list"), None, required=False) is None


def test_a_comparison_is_of_what_both_scored_and_antisymmetric(folder: Path) -> None:
    options = SummaryOptions(bootstrap=20)
    found = compare_files("one", "two", "list", options)
    assert (found["trials"], found["skipped"], found["speakers"]) == (153, 0, 6)
    difference = found["differences"]["eer"]
    assert difference["difference"] == pytest.approx(difference["second"] - difference["first"])
    turned = compare_files("two", "one", "list", options)["differences"]["eer"]
    assert turned["difference"] == pytest.approx(-difference["difference"])
    Path("part").write_text("".join(Path("two").read_text().splitlines(True)[2:]))
    with pytest.raises(InputError, match="part"):
        compare_files("one", "part", "list", options)
    assert compare_files("one", "part", "list", options, skip_missing=True)["skipped"] == 2
