"""The tables of metrics, differences and slices, as HTML that a reader can trust."""

from speakerssl.metrics.bootstrap import Interval
from speakerssl.metrics.comparison import Difference
from speakerssl.metrics.slices import Slice
from speakerssl.report.estimates import Estimates, Metric
from speakerssl.report.metric_tables import metrics_section, slices_section

EER = Metric("eer", "EER", "where both rates cross", percent=True)
AUC = Metric("auc", "AUC", "area", higher_is_better=True)


def test_the_best_of_several_is_marked_by_the_direction_of_the_metric() -> None:
    html = metrics_section(["a", "b<"], Estimates([EER, AUC], [{"eer": 0.05, "auc": 0.9}, {"eer": 0.07, "auc": 0.95}]))
    assert '<td class="best">5.000 %</td>' in html
    assert '<td class="best">0.9500</td>' in html
    assert html.count('class="best"') == 2
    assert "where both rates cross" in html
    assert "b&lt;" in html
    assert "b<" not in html.replace("b</", "")
    assert "best" not in metrics_section(["a"], Estimates([EER], [{"eer": 0.05}]))


def test_intervals_and_differences_stand_with_their_draws() -> None:
    around = [
        {"eer": Interval(low=0.04, high=0.06, level=0.95, deviation=0.005)},
        {"eer": Interval(low=0.05, high=0.09, level=0.95, deviation=0.01)},
    ]
    difference = Difference(0.05, 0.07, 0.02, 0.01, 0.03, 0.0123)
    estimates = Estimates([EER, AUC], [{"eer": 0.05, "auc": 1}, {"eer": 0.07, "auc": 1}], around,
                          [{}, {"eer": difference}], 12, 500, 3)  # fmt: skip
    html = metrics_section(["a", "b"], estimates)
    for words in ("[4.000, 6.000]", "from 500 draws of the 12 speakers (seed 3)", "Difference from a",
                  "+2.000 %", "[+1.000, +3.000], p = 0.0123"):  # fmt: skip
        assert words in html
    assert html.split("Difference from a")[1].count("AUC") == 0  # a metric without draws has no row


def test_slices_have_a_column_group_a_system() -> None:
    part = Slice("gender", "f", 10, 2000, 0.05, 0.3, 0.1, None)
    html = slices_section(["a", "b"], [[[part], [part]]], 0.05)
    for words in ("By gender", "2,000", "5.000 %", "0.3000", "10.000 %", "–", "minDCF (p=0.05)"):
        assert words in html
    assert slices_section(["a"], [], 0.05) == ""
