"""What the grammar of bash can't read, spelled in a way that it can."""

from __future__ import annotations

import re

# A command that starts with a brace expansion: ``{rm,-rf,/}``.
# The brace comes first: it is rarer than what may stand before it, which is looked at behind it.
_BRACES = re.compile(r"\{(?<![^ \t\n;&|]\{)([^\s{}'\"$;&|][^\s{}'\"$;&|,]*+,[^\s{}'\";&|]++)\}")


def respelled(text: str) -> str:
    """The same script.

    >>> respelled("{rm,-rf,/srv} $()")
    'rm -rf /srv ""'
    """
    if "$()" in text:
        text = text.replace("$()", '""')
    return _BRACES.sub(_words_of_braces, text) if "{" in text and "," in text else text


def _words_of_braces(found: re.Match[str]) -> str:
    """``{a,b}`` as ``a b`` where a command starts with it."""
    text, before = found.string, found.start() - 1
    while before >= 0 and text[before] in " \t":
        before -= 1
    return found.group(1).replace(",", " ") if before < 0 or text[before] in ";&|\n" else found.group()
