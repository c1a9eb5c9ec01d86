"""A metric is one entry of the table: whatever is added there is seen everywhere."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.metrics import specs
from speakerssl.metrics.specs import FALSE_ALARM, METRICS, Metric
from speakerssl.metrics.suite import MetricSuite
from speakerssl.metrics.summary import SummaryOptions, point_metrics


def _write_list(folder: Path) -> None:
    rng = np.random.default_rng(0)
    ids = [f"s{s}/{u}" for s in range(8) for u in range(4)]
    rows = [(a, b, int(a[:2] == b[:2])) for i, a in enumerate(ids) for b in ids[:i]]
    folder.joinpath("trials").write_text("".join(f"{y} {a} {b}\n" for a, b, y in rows))
    for name in ("one", "two"):
        folder.joinpath(name).write_text("".join(f"{a} {b} {rng.normal(2 * y):.3f}\n" for a, b, y in rows))


def test_one_entry_adds_a_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The half total error rate at the EER's neighbours, and the miss rate at a false-alarm limit."""
    half = Metric(
        "hter", "Half total error", "least mean of p_miss and p_fa", unit="%",
        value=lambda roc, _: float(np.min(roc.p_miss + roc.p_fa)) / 2,
    )  # fmt: skip
    missed = Metric(
        "p_miss", "Misses", "p_miss the share of targets refused", unit="share", depends_on=FALSE_ALARM,
        value=lambda roc, s: roc.counts_at_alarms(s.false_alarm)[0] / roc.targets,
    )  # fmt: skip
    monkeypatch.setattr(specs, "METRICS", (*METRICS, half, missed))
    monkeypatch.chdir(tmp_path)
    _write_list(tmp_path)
    common = ["metrics", "--scores", "one", "--trials", "trials", "--bootstrap", "40"]
    assert main([*common, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert 0 < summary["hter_percent"] <= summary["eer_percent"]
    assert summary["definitions"]["hter_percent"] == half.definition
    assert summary["definitions"]["fixed_false_alarm"].endswith(missed.definition)
    fixed = summary["fixed_false_alarm"][0]
    assert fixed["p_miss"] == 1 - fixed["recall"]
    interval = summary["intervals"]["hter_percent"]
    assert interval["low"] <= summary["hter_percent"] <= interval["high"]
    assert set(summary["intervals"]) >= {"p_miss@0.001", "p_miss@0.01"}
    assert main(common) == 0
    shown = capsys.readouterr().out
    assert "Half total error %" in shown
    assert "Misses 0.01" in shown
    assert main(["compare", "--scores", "one", "two", "--trials", "trials", "--bootstrap", "40", "--json"]) == 0
    assert {"hter", "p_miss@0.01"} <= set(json.loads(capsys.readouterr().out)["differences"])
    report = ["report", "--scores", "one", "two", "--trials", "trials", "--bootstrap", "40", "--output", "r.html"]
    assert main([*report, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["systems"][0]
    assert found["hter"] == pytest.approx(summary["hter_percent"] / 100)
    page = Path("r.html").read_text()
    assert page.count("Half total error") >= 2
    assert "Misses at 0.1 % false alarms" in page


def test_the_table_is_sound() -> None:
    keys = [metric.key for metric in METRICS]
    assert len(set(keys)) == len(keys)
    labels = np.array([1, 1, 1, 0, 0, 0])
    scores = np.array([2.0, 1.0, -0.5, 0.5, -1.0, -2.0])
    from speakerssl.metrics.roc import build_roc

    roc = build_roc(scores, labels)
    suite = MetricSuite()
    values = suite.evaluate(roc)
    summary = point_metrics(roc, SummaryOptions())
    for member in suite.members:
        assert member.definition
        assert member.label
        if member.metric.point is not None:
            assert member.metric.point(roc, member.setting).value == pytest.approx(values[member.name])
        if member.parameter is None:
            assert summary[member.metric.json_key] == pytest.approx(member.metric.json_scale * values[member.name])
    better = {member.name for member in suite.members if member.metric.higher_is_better}
    perfect = suite.evaluate(build_roc(np.where(labels == 1, 9.0, -9.0) + scores, labels))
    for name, value in values.items():
        assert perfect[name] >= value if name in better else perfect[name] <= value, name
