"""Nothing that a file says can become markup or end the script."""

import json

import pytest

from speakerssl.report.markup import markdown_text, notice, script_json, table, text


def test_text_is_safe_in_content_and_attributes() -> None:
    assert text("<a b=\"c\" d='e'>&") == "&lt;a b=&quot;c&quot; d=&#x27;e&#x27;&gt;&amp;"


def test_script_json_cannot_end_its_element_and_reads_back() -> None:
    value = {"</script><!--": ["<script>", "&amp;", "\u2028", 1.5, None]}
    dumped = script_json(value)
    assert "<" not in dumped
    assert ">" not in dumped
    assert json.loads(dumped) == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([float("nan")])


def test_table_takes_ready_cells_as_they_are() -> None:
    html = table('a "label"', ["H", '<th scope="col" class="left">I</th>'], [["r", '<td class="id">x</td>']], kind="k")
    assert 'aria-label="a &quot;label&quot;"' in html
    assert '<th scope="col">H</th><th scope="col" class="left">I</th>' in html
    assert '<th scope="row">r</th><td class="id">x</td>' in html
    assert 'tabindex="0"' in html


def test_notice_lists_at_most_so_many() -> None:
    html = notice("<3 skipped", [f"a{k} <b>" for k in range(5)], most=3)
    assert "&lt;3 skipped" in html
    assert html.count("&lt;b&gt;") == 3
    assert "and 2 more" in html


ODD = "a\x1b[31mred\u202e\u200b|<b>`\n"


def test_what_cannot_be_seen_is_spelled_out() -> None:
    assert text(ODD) == "a\\x1b[31mred\\u202e\\u200b|&lt;b&gt;`\\n"
    assert text("José 語") == "José 語"
    assert markdown_text(ODD) == "a\\\\x1b[31mred\\\\u202e\\\\u200b\\|&lt;b>\\`\\\\n"
