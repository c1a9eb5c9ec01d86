"""Tables for people: odd ids cannot colour the terminal or pass for the table's own markup."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from speakerssl.cli.main import main
from speakerssl.metrics import MetricSuite, SummaryOptions, build_roc, compute_eer, summarize
from speakerssl.metrics.display import print_summary
from speakerssl.trials import read_scored_trials, trial_speakers


def test_hostile_ids_are_shown_as_text(tmp_path: Path) -> None:
    names = ["[red]x\x1b[31m", "[bold]y\u202e"]
    path = tmp_path / "scores"
    rows = [
        f"{one}/{i} {other}/{j} {0.9 - 0.1 * (one != other) + 0.01 * i:.3f} {int(one == other)}\n"
        for one in names
        for other in names
        for i in range(3)
        for j in range(3)
    ]
    path.write_text("".join(rows), encoding="utf-8")
    scored = read_scored_trials(path)
    labels = scored.trials.require_labels()
    summary = summarize(scored.scores, labels, SummaryOptions(), scored.trials, trial_speakers(scored.trials))
    out = io.StringIO()
    print_summary(summary, f"{names[0]} [bold]", Console(file=out, width=200))
    shown = out.getvalue()
    assert "\x1b" not in shown
    assert "[red]x\\x1b[31m" in shown
    assert "[bold]" in shown


def test_names_that_a_newcomer_guesses(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    path.write_text("a b 0.9 1\nc d 0.1 0\n")
    scored = read_scored_trials(path)
    labels = scored.trials.require_labels()
    assert compute_eer(scored.scores, labels) == 0
    assert MetricSuite().evaluate(build_roc(scored.scores, labels))["auc"] == 1


@pytest.mark.parametrize("verb", ["metrics", "compare", "report", "table", "score"])
def test_priors_are_one_list_everywhere(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert "the first one is `min_dcf` (default: 0.01 0.05)" in " ".join(capsys.readouterr().out.split())
