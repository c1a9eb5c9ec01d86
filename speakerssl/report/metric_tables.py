"""The table of metrics with intervals and definitions, the paired differences, and the slices, as HTML."""

from collections.abc import Sequence

from speakerssl.metrics.slices import Slice
from speakerssl.metrics.specs import OTHER_DEFINITIONS
from speakerssl.report.estimates import LEVEL, Estimates, Metric
from speakerssl.report.markup import swatch, table, text


def metrics_section(names: Sequence[str], estimates: Estimates) -> str:
    """Rows are metrics, each with its definition; columns are systems; the best of several is marked."""
    rows = []
    for metric in estimates.metrics:
        own = [values[metric.key] for values in estimates.values]
        best = (max if metric.higher_is_better else min)(own) if len(own) > 1 else None
        cells = [_cell(metric, estimates, k, own[k] == best) for k in range(len(own))]
        rows.append([f"{text(metric.name)}<small>{text(metric.definition)}</small>", *cells])
    html = table("Metrics of each system", ["Metric", *_system_heads(names)], rows) + _definitions(estimates)
    if estimates.count:
        html += (
            f'<p class="muted">In brackets: {100 * LEVEL:g} % intervals from {estimates.count} draws of the '
            f"{estimates.speakers} speakers (seed {estimates.seed}); {text(OTHER_DEFINITIONS['intervals'])}.</p>"
        )
    if estimates.count and len(names) > 1:
        html += _difference_table(names, estimates)
    return html


def slices_section(names: Sequence[str], slices: Sequence[Sequence[Sequence[Slice]]], p_target: float) -> str:
    """One table an attribute. `slices` is [attributes][systems][parts]; the parts are the same for all systems."""
    if not slices:
        return ""
    html = (
        f'<p class="muted">EER and minDCF (p={p_target:g}) at the slice\'s own best thresholds; miss and false-alarm '
        "rates at the threshold of the whole list's EER. A trial whose sides differ is “mixed”; numbers are cut at "
        "quantiles of the smaller side.</p>"
    )
    for of_systems in slices:
        title = of_systems[0][0].attribute
        head = [text(title.capitalize()), "Targets", "Non-targets"]
        for index, name in enumerate(names):
            below = f"<small>{swatch(index)}{text(name)}</small>" if len(names) > 1 else ""
            head += [f"{column}{below}" for column in ("EER", "minDCF", "Miss", "False alarm")]
        rows = []
        for parts in zip(*of_systems, strict=True):
            row = [text(parts[0].value), f"{parts[0].targets:,}", f"{parts[0].nontargets:,}"]
            for part in parts:
                row += [_percent(part.eer), "–" if part.min_dcf is None else f"{part.min_dcf:.4f}"]
                row += [_percent(part.p_miss), _percent(part.p_fa)]
            rows.append(row)
        html += f"<h3>By {text(title)}</h3>" + table(f"Metrics by {title}", head, rows)
    return html


def _definitions(estimates: Estimates) -> str:
    """The definitions once more, as a list to open: narrow screens show it instead of those in the table."""
    items = "".join(f"<dt>{text(m.name)}</dt><dd>{text(m.definition)}</dd>" for m in estimates.metrics)
    return f'<details class="definitions"><summary>What the numbers mean</summary><dl>{items}</dl></details>'


def _cell(metric: Metric, estimates: Estimates, system: int, is_best: bool) -> str:
    shown = _number(metric, estimates.values[system][metric.key])
    around = estimates.intervals[system].get(metric.key) if estimates.intervals else None
    if around is not None:
        low, high = (_number(metric, value, unit=False) for value in (around.low, around.high))
        shown += f"<small>[{low}, {high}]</small>"
    mark = ' class="best"' if is_best else ""
    return f"<td{mark}>{shown}</td>"


def _difference_table(names: Sequence[str], estimates: Estimates) -> str:
    rows = []
    for metric in estimates.metrics:
        cells = []
        for of_system in estimates.differences[1:]:
            found = of_system.get(metric.key)
            if found is None:
                cells.append("–")
                continue
            low, high = (_number(metric, value, unit=False, sign=True) for value in (found.low, found.high))
            shown = _number(metric, found.difference, sign=True)
            cells.append(f"{shown}<small>[{low}, {high}], p = {found.p_value:.3g}</small>")
        if any(cell != "–" for cell in cells):
            rows.append([text(metric.name), *cells])
    heads = _system_heads(names)[1:]
    return (
        f"<h3>Difference from {text(names[0])}</h3>"
        '<p class="muted">Paired: both systems see the same draws of speakers. p is the two-sided bootstrap p-value of '
        "no difference.</p>" + table(f"Difference from {names[0]}", ["Metric", *heads], rows)
    )


def _system_heads(names: Sequence[str]) -> list[str]:
    return [f'<th scope="col" class="system">{swatch(k)}{text(name)}</th>' for k, name in enumerate(names)]


def _number(metric: Metric, value: float, unit: bool = True, sign: bool = False) -> str:
    plus = "+" if sign else ""
    if metric.percent:
        return f"{100 * value:{plus}.3f}" + (" %" if unit else "")
    return f"{value:{plus}.4f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3f} %"
