"""The section of the hardest trials."""

from pathlib import Path

import numpy as np

from speakerssl.report.hardest import hardest_trials
from speakerssl.report.systems import load_systems
from speakerssl.report.trial_tables import hardest_section

Lists = tuple[Path, Path, np.ndarray, np.ndarray]


def test_rows_are_the_hardest_trials_of_each_system(small_list: Lists) -> None:
    trials, score_file, scores, labels = small_list
    systems = load_systems([score_file], ["a<b"], trials)
    html = hardest_section(systems, 3, None)
    targets, nontargets = hardest_trials(scores, labels, 3)
    for trial in (*targets, *nontargets):
        enrol, test = systems.trials.pair(trial.index)
        row = next(part for part in html.split("<tr>") if f"{trial.score:.6g}</td>" in part and enrol in part)
        assert test in row
    assert "a&lt;b" in html
    assert "With --audio wav.scp the recordings can be played here." in html
    assert html.count("<details open>") == 1


def test_without_ids_trials_are_known_by_their_line(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("0.1 1\n0.9 0\n0.5 1\n")
    html = hardest_section(load_systems([tmp_path / "s"]), 1, None)
    assert "<td>line 1</td>" in html
    assert "<td>line 2</td>" in html
    assert "line 3" not in html
