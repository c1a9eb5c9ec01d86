"""The page is one text, closed in itself, and shows text as text."""

import re

import numpy as np
import pytest

from speakerssl.report.page import SECTIONS, Page
from tests.report.test_model import curves


@pytest.fixture
def page() -> Page:
    return Page("T <1>", "sub & title", "<table></table>", "<p>hard</p>", [curves()], np.array([0.0, 0.5, 1.0]), [0.05])


def test_texts_are_escaped_and_parts_stay_html(page: Page) -> None:
    html = page.render()
    assert "T &lt;1&gt;" in html
    assert "sub &amp; title" in html
    assert "<table></table>" in html
    assert "3 thresholds; the counts at each are exact." in html
    assert not re.search(r"\$\{?\w+\}?", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))  # nothing unfilled


def test_it_fetches_nothing(page: Page) -> None:
    html = page.render()
    assert not re.search(r'(src|href)="(?!#|data:)', html)
    assert "@import" not in html
    assert "fetch(" not in html


def test_slices_are_hidden_where_there_are_none(page: Page) -> None:
    keys = [key for key, _ in SECTIONS]
    shown = re.findall(r'<a href="#(\w+)">', page.render())
    assert [key for key in keys if key not in shown] == ["slices"]


def test_the_same_page_twice_is_the_same_text(page: Page) -> None:
    assert page.render() == page.render()
