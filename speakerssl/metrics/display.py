"""Summaries as tables for people: every number beside its definition."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from speakerssl.metrics import specs
from speakerssl.metrics.specs import FALSE_ALARM, OTHER_DEFINITIONS, PRIOR


def print_summary(summary: dict[str, Any], title: str, console: Console | None = None) -> None:
    """Prints one summary of `summarize`, with intervals, speakers and slices where it has them."""
    console = console or wide_console()
    table = Table(title=escape(_title(summary, title)), title_justify="left")
    intervals = summary.get("intervals", {})
    table.add_column("metric")
    table.add_column("value", justify="right")
    if intervals:
        table.add_column(f"{100 * summary['bootstrap']['level']:g} % interval", justify="right")
    table.add_column("threshold", justify="right")
    table.add_column("definition", overflow="fold")
    for name, value, key, threshold, definition in _rows(summary):
        interval = intervals.get(key)
        middle = [f"{interval['low']:.4f} .. {interval['high']:.4f}" if interval else ""] if intervals else []
        table.add_row(name, f"{value:.4f}", *middle, "" if threshold is None else f"{threshold:.4f}", definition)
    console.print(table)
    if intervals:
        shape = summary["bootstrap"]
        console.print(
            f"Intervals: {OTHER_DEFINITIONS['intervals']}; {shape['replicates']} replicates, seed {shape['seed']}.",
            highlight=False,
        )
    if summary.get("consistency"):
        found = summary["consistency"]
        worst = escape(", ".join(map(printable, found["worst_speakers"])))
        console.print(f"Worst speakers for one threshold: {worst}", highlight=False)
    if summary.get("slices"):
        _print_slices(summary, console)


def wide_console() -> Console:
    """A console as wide as the terminal, and 140 columns where the output is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def _title(summary: dict[str, Any], title: str) -> str:
    speakers = f", {summary['speakers']} speakers" if "speakers" in summary else ""
    return f"{printable(title)}: {summary['targets']} target and {summary['nontargets']} non-target trials{speakers}"


Row = tuple[str, float, str, float | None, str]


def _rows(summary: dict[str, Any]) -> list[Row]:
    """(name, value, key of the interval, threshold, definition) of each metric."""
    rows: list[Row] = []
    for metric in specs.METRICS:
        if metric.depends_on == "" and metric.json_key in summary:
            threshold = summary.get(f"{metric.key}_threshold")
            name = f"{metric.label} %" if metric.unit == "%" else metric.label
            rows.append((name, summary[metric.json_key], metric.json_key, threshold, metric.definition))
    for cost in summary["costs"]:
        prior = f"p_target {cost['p_target']:g}, c_miss {cost['c_miss']:g}, c_fa {cost['c_fa']:g}"
        for metric in specs.of_kind(PRIOR):
            place, threshold = f"{metric.key}@{cost['p_target']:g}", cost.get(f"{metric.key}_threshold")
            definition = f"{prior}: {metric.definition}"
            rows.append((f"{metric.label} {cost['p_target']:g}", cost[metric.key], place, threshold, definition))
    for point in summary["fixed_false_alarm"]:
        limit = f"{point['limit']:g}"
        for metric in specs.of_kind(FALSE_ALARM):
            definition = f"at p_fa <= {limit}: {metric.definition}"
            place = f"{metric.key}@{limit}"
            rows.append((f"{metric.label} {limit}", point[metric.key], place, point["threshold"], definition))
    if summary.get("consistency"):
        found = summary["consistency"]
        worst = f"worst {found['epsilon']:g} of speakers"
        rows.append(("OPIS x 1000", 1000 * found["opis"], "", None, OTHER_DEFINITIONS["opis"]))
        rows.append(("worst OPIS x 1000", 1000 * found["worst_opis"], "", None, worst))
    return rows


def _print_slices(summary: dict[str, Any], console: Console) -> None:
    table = Table(title=f"Slices: {OTHER_DEFINITIONS['slices']}", title_justify="left")
    for name in ("slice", "targets", "non-targets", "EER %", f"minDCF {summary['p_target']:g}", "p_miss %", "p_fa %"):
        table.add_column(name, justify="left" if name == "slice" else "right")
    for part in summary["slices"]:
        percents = [_percent(part["eer"]), _number(part["min_dcf"]), _percent(part["p_miss"]), _percent(part["p_fa"])]
        name = escape(printable(f"{part['attribute']} {part['value']}"))
        table.add_row(name, str(part["targets"]), str(part["nontargets"]), *percents)
    console.print(table)


def print_comparison(result: dict[str, Any], console: Console | None = None) -> None:
    """Prints what `speakerssl compare` found."""
    console = console or wide_console()
    table = Table(title=f"{result['trials']} trials, {result['speakers']} speakers", title_justify="left")
    level = f"{100 * result['level']:g} % interval"
    systems = [escape(printable(result[key])) for key in ("first", "second")]
    for name in ("metric", *systems, "difference", level, "p"):
        table.add_column(name, justify="left" if name == "metric" else "right", overflow="fold")
    for name, row in result["differences"].items():
        values = [f"{row[key]:.4f}" for key in ("first", "second")]
        table.add_row(
            name,
            *values,
            f"{row['difference']:+.4f}",
            f"{row['low']:+.4f} .. {row['high']:+.4f}",
            f"{row['p_value']:.3f}",
        )
    console.print(table)
    console.print(result["definition"], highlight=False)


def printable(text: str) -> str:
    """`text` without characters that would move a terminal's cursor or colour it: those are spelled out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
