"""HTML pieces of the page. Every text that comes from a file or an option passes through `text`."""

import html
import json
from collections.abc import Sequence
from typing import Any


def text(value: object) -> str:
    """`value` safe as element content and inside a quoted attribute; what cannot be seen is spelled out."""
    return html.escape(visible(str(value)), quote=True)


def visible(value: str) -> str:
    """Control characters, line ends, and marks that turn the direction of text, as `\\x1b` or `\\u202e`."""
    return "".join(c if c == " " or c.isprintable() else ascii(c)[1:-1] for c in value)


def markdown_text(value: object) -> str:
    """`value` as one cell of a Markdown table."""
    escaped = visible(str(value)).replace("\\", "\\\\").replace("|", "\\|")
    return escaped.replace("<", "&lt;").replace("`", "\\`")


def script_json(value: Any) -> str:
    """JSON that cannot end the <script> element it stands in, whatever the ids say. NaN raises ValueError."""
    dumped = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return dumped.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def swatch(index: int) -> str:
    """The line sample of system `index`, as in the plots: eight colours, four dashes."""
    return f'<span class="swatch c{index % 8} d{index % 4}" aria-hidden="true"></span>'


def table(label: str, head: Sequence[str], rows: Sequence[Sequence[str]], row_head: bool = True, kind: str = "") -> str:
    """A table of CSS class `kind` that scrolls in its own box.

    Cells are HTML already; one that begins with its own <td> or <th> is taken as it is. With `row_head` the first cell
    of a row heads it.
    """
    lines = [f'<div class="scroll" role="region" tabindex="0" aria-label="{text(label)}"><table class="{kind}">']
    lines.append("<thead><tr>" + "".join(_cell(cell, "th", ' scope="col"') for cell in head) + "</tr></thead><tbody>")
    for row in rows:
        first = _cell(row[0], "th", ' scope="row"') if row_head else _cell(row[0], "td")
        lines.append("<tr>" + first + "".join(_cell(cell, "td") for cell in row[1:]) + "</tr>")
    lines.append("</tbody></table></div>")
    return "\n".join(lines)


def _cell(cell: str, tag: str, attributes: str = "") -> str:
    return cell if cell.startswith(("<td", "<th")) else f"<{tag}{attributes}>{cell}</{tag}>"


def notice(message: str, items: Sequence[str] = (), most: int = 200) -> str:
    """A highlighted remark in plain text, with a list of at most `most` items under it (the rest is counted)."""
    body = f"<p>{text(message)}</p>"
    if items:
        shown = "".join(f"<li>{text(item)}</li>" for item in items[:most])
        more = f"<li>and {len(items) - most} more</li>" if len(items) > most else ""
        body += f'<details><summary>Which ones</summary><ul tabindex="0">{shown}{more}</ul></details>'
    return f'<div class="notice" role="note">{body}</div>'
