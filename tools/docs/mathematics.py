"""Formulas as MathML, made when the site is built: pages need no script and no network to show them.

A formula stands alone between `$$` lines, or in a sentence between `\\(` and `\\)`. Code is left as it is.
"""

import re

from latex2mathml.converter import convert

CODE = r"(?P<code>```.*?```|``.*?``|`[^`\n]*`)"
BLOCK = r"\$\$(?P<block>.+?)\$\$"
INLINE = r"\\\((?P<inline>.+?)\\\)"
PATTERN = re.compile("|".join((CODE, BLOCK, INLINE)), re.DOTALL)


def with_mathml(markdown: str) -> str:
    """`markdown` with its formulas as MathML."""

    def replaced(match: re.Match[str]) -> str:
        if match["block"]:
            return f'\n<div class="formula">{convert(match["block"].strip(), display="block")}</div>\n'
        return convert(match["inline"].strip()) if match["inline"] else match[0]

    return PATTERN.sub(replaced, markdown)
