"""The page as text: one file, the numbers of the metrics, what was skipped, and every kind of bad input."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.bootstrap import speaker_bootstrap
from speakerssl.metrics.detection import compute_eer, compute_min_dcf
from speakerssl.report.build import ReportOptions, write_report
from speakerssl.trials.attributes import read_attribute_option
from speakerssl.trials.speakers import read_utt2spk, trial_speakers
from speakerssl.trials.trial_list import read_trials

Lists = tuple[Path, Path, np.ndarray, np.ndarray]


def page_data(page: Path) -> Any:
    return json.loads(page.read_text().split('id="data">')[1].split("</script>")[0])


def test_one_file_that_fetches_nothing(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    page = tmp_path / "new" / "folder" / "page.html"
    done = write_report([score_file], page, trials)
    text = page.read_text()
    assert done["bytes"] == page.stat().st_size < 150_000
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]
    assert set(re.findall(r"https?://[^\"'\s]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(?:script|link|img|iframe|source)[^>]*\s(?:src|href)=\"(?!data:)", text)
    assert "@import" not in text
    assert "$" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_numbers_are_those_of_the_metrics(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, scores, labels = small_list
    page = tmp_path / "page.html"
    utt2spk = tmp_path / "utt2spk"
    options = ReportOptions(utt2spk=utt2spk, bootstrap=50, seed=3, p_targets=(0.01, 0.2))
    done = write_report([score_file], page, trials, ["A"], options)
    text = page.read_text()
    assert done["systems"][0]["eer"] == compute_eer(scores, labels)
    assert f"{100 * compute_eer(scores, labels):.3f} %" in text
    assert f"{compute_min_dcf(scores, labels, 0.2):.4f}" in text
    speakers = trial_speakers(read_trials(trials), read_utt2spk(utt2spk))
    interval = speaker_bootstrap(scores, labels, speakers, count=50, seed=3)["eer"]
    assert f"[{100 * interval.low:.3f}, {100 * interval.high:.3f}]" in text
    assert "50 draws of the 12 speakers (seed 3)" in text
    assert "equal error rate in %" in text


def test_same_input_gives_the_same_page(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        write_report([score_file], page, trials, None, ReportOptions(utt2spk=tmp_path / "utt2spk", bootstrap=10))
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_differences_are_paired(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    page = tmp_path / "page.html"
    options = ReportOptions(utt2spk=tmp_path / "utt2spk", bootstrap=30)
    write_report([score_file, score_file], page, trials, ["A", "B"], options)
    text = page.read_text()
    assert "Difference from A" in text
    # The same scores under the same draws: no difference in any replicate.
    assert "+0.000 %<small>[+0.000, +0.000], p = 1</small>" in text


def test_skipped_trials_are_stated_and_left_out_for_all(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, scores, labels = small_list
    lines = score_file.read_text().splitlines()
    (tmp_path / "a").write_text("\n".join(lines[3:]))
    (tmp_path / "b").write_text("\n".join(reversed(lines[:-2])))
    page = tmp_path / "page.html"
    files = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(InputError, match=r"no score for .*spk00-utt0.* --skip-missing"):
        write_report(files, page, trials)
    done = write_report(files, page, trials, None, ReportOptions(skip_missing=True, bootstrap=0))
    assert (done["trials"], done["skipped"]) == (len(lines) - 5, 5)
    for system in done["systems"]:
        assert system["eer"] == compute_eer(scores[3:-2], labels[3:-2])
    text = page.read_text()
    assert f"5 of {len(lines):,} trials were skipped" in text
    assert " ".join(lines[0].split()[:2]) in text


def test_slices_by_attribute(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, scores, labels = small_list
    ids = list(read_utt2spk(tmp_path / "utt2spk"))
    gender = {name: "fm"[int(name[4]) % 2] for name in ids}
    (tmp_path / "utt2gender").write_text("".join(f"{name} {value}\n" for name, value in gender.items()))
    page = tmp_path / "page.html"
    options = ReportOptions(slices=(read_attribute_option(str(tmp_path / "utt2gender")),), bootstrap=0)
    write_report([score_file], page, trials, None, options)
    text = page.read_text()
    sides = [[gender[name] for name in line.split()[:2]] for line in trials.read_text().splitlines()]
    both = np.array([a == b == "f" for a, b in sides])
    assert "By gender" in text
    assert f"<td>{np.sum(both & (labels == 1)):,}</td><td>{np.sum(both & (labels == 0)):,}</td>" in text
    assert f"<td>{100 * compute_eer(scores[both], labels[both]):.3f} %</td>" in text
    assert ">mixed<" in text


def test_no_speakers_no_intervals_and_the_page_says_why(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    page = tmp_path / "page.html"
    write_report([score_file], page, trials)
    assert "No confidence intervals: " in page.read_text()
    with pytest.raises(InputError, match="--utt2spk"):
        write_report([score_file], page, trials, None, ReportOptions(bootstrap=100))


def test_page_stays_small_with_many_trials(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(400_000) % 10 == 0).astype(int)
    files = []
    for k in range(2):
        files.append(tmp_path / f"{k}.txt")
        values = rng.normal(labels * 2.0, 1.0)
        files[-1].write_text("\n".join(f"{value:.9f} {label}" for value, label in zip(values.tolist(), labels)))
    page = tmp_path / "page.html"
    done = write_report(files[:1], page)
    assert done["bytes"] < 150_000
    data = page_data(page)
    assert len(data["grid"]) < 2000
    assert len(data["systems"][0]["det"]["fa"]) <= 401
    assert data["systems"][0]["fa"][0] == np.sum(labels == 0)


Edit = Callable[[list[str]], list[str]]
BAD_SCORES: list[tuple[str, Edit, str]] = [
    ("nan", lambda lines: [lines[0], lines[1].rsplit(" ", 1)[0] + " nan", *lines[2:]], r":2: .*nan.*finite"),
    ("infinite", lambda lines: [*lines[:-1], lines[-1].rsplit(" ", 1)[0] + " inf"], r":2556: .*inf.*finite"),
    ("word", lambda lines: [lines[0], lines[1] + "x", *lines[2:]], r"scores.txt:2: .*not a score"),
    ("missing", lambda lines: lines[1:], r"no score for 'spk00-utt0 spk00-utt1' .*:1; 1 such.*--skip-missing"),
    ("other ids", lambda lines: ["x " + line.split(" ", 1)[1] for line in lines], r"holds none of the pairs"),
    ("empty", lambda lines: [], r"scores.txt: is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "message"), [case[1:] for case in BAD_SCORES], ids=[case[0] for case in BAD_SCORES])
def test_bad_scores(tmp_path: Path, small_list: Lists, edit: Edit, message: str) -> None:
    trials, score_file, _, _ = small_list
    score_file.write_text("\n".join(edit(score_file.read_text().splitlines())))
    with pytest.raises(InputError, match=message):
        write_report([score_file], tmp_path / "page.html", trials)
    assert not (tmp_path / "page.html").exists()


def test_bad_lists(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    page = tmp_path / "page.html"
    text = trials.read_text()
    trials.write_text(text.replace(" target", " nontarget"))
    with pytest.raises(InputError, match="holds non-target trials only"):
        write_report([score_file], page, trials)
    trials.write_text(re.sub(r" (non)?target", "", text))
    with pytest.raises(InputError, match="has no labels"):
        write_report([score_file], page, trials)
    with pytest.raises(InputError, match="cannot be read"):
        write_report([score_file], page, tmp_path / "absent")
    with pytest.raises(InputError, match="has no labels; name the trial list with --trials"):
        write_report([score_file], page)
    with pytest.raises(InputError, match="several score files need --trials"):
        write_report([score_file, score_file], page, None, ["a", "b"])


def test_names_that_do_not_match(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    page = tmp_path / "page.html"
    with pytest.raises(InputError, match="--names has 1 names for 2 score files"):
        write_report([score_file, score_file], page, trials, ["one"])
    with pytest.raises(InputError, match="two systems are called 'one'"):
        write_report([score_file, score_file], page, trials, ["one", "one"])


def test_output_that_cannot_be_written(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    with pytest.raises(InputError, match=r"page.html: cannot be written: "):
        write_report([score_file], score_file / "page.html", trials)
    with pytest.raises(InputError, match="is a folder"):
        write_report([score_file], tmp_path, trials)
    options = ReportOptions(plots_dir=score_file / "plots")
    with pytest.raises(InputError, match="cannot be written"):
        write_report([score_file], tmp_path / "page.html", trials, None, options)
    assert not (tmp_path / "page.html").exists()
    (tmp_path / "locked").mkdir(mode=0o555)
    import os

    if os.geteuid():  # root may write anywhere
        with pytest.raises(InputError, match="not writable"):
            write_report([score_file], tmp_path / "locked" / "page.html", trials)


def test_ids_missing_from_the_side_files(tmp_path: Path, small_list: Lists) -> None:
    trials, score_file, _, _ = small_list
    page = tmp_path / "page.html"
    lines = (tmp_path / "utt2spk").read_text().splitlines()
    (tmp_path / "short").write_text("\n".join(lines[1:]))
    with pytest.raises(InputError, match="the speaker of 'spk00-utt0' is not in the utt2spk file"):
        write_report([score_file], page, trials, None, ReportOptions(utt2spk=tmp_path / "short"))
    (tmp_path / "utt2lang").write_text("nobody en\n")
    lang = read_attribute_option(str(tmp_path / "utt2lang"))
    with pytest.raises(InputError, match="has a value for none of the ids"):
        write_report([score_file], page, trials, None, ReportOptions(slices=(lang,)))
