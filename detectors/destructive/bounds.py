"""Texts that the parser would take seconds to read: found before it is asked.

tree-sitter's error recovery is quadratic in openings that are never closed: 64 KiB of ``$[`` take ten seconds. What
people write is not nested a hundred deep.
"""

from __future__ import annotations

import re

MAX_BYTES = 64 * 1024  # of one command; the rest is not read
MAX_NESTING = 120
MAX_WORK = 512 * 1024  # characters of scripts, words and code that one analysis reads, those in loops each time
_SHORT = 400
_HEADS = 64
# From the last letter of a name, and giving nothing back: from each letter of a long word it would take minutes.
_FUNCTIONS = re.compile(rf"[\w.-][ \t]*+\([ \t]*+\)(?:\s*+[\w.-]++[ \t]*+\([ \t]*+\)){{{_HEADS - 1}}}")
_HEADLESS = re.compile(r"^[ \t]*<<", re.MULTILINE)
_OPENS = bytes.maketrans(b"([{)]}", b"\1\1\1\0\0\0")
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))


class TooMuch(Exception):
    """A script beyond the limits: what was read so far stands."""


def check_nesting(text: str) -> None:
    """Raises TooMuch for a text whose brackets are open deeper than `MAX_NESTING`, quoted ones included."""
    if len(text) < _SHORT:
        return
    if text.count("<<") > MAX_NESTING and len(_HEADLESS.findall(text)) > MAX_NESTING:
        raise TooMuch("here-documents without a command")
    heads = text.count("(")
    if heads + text.count("[") + text.count("{") < MAX_NESTING:
        return
    depth = 0
    for opens in text.encode("utf-8", "replace").translate(_OPENS, _NO_BRACKETS):
        if opens:
            depth += 1
            if depth > MAX_NESTING:
                raise TooMuch(f"brackets open more than {MAX_NESTING} deep")
        elif depth:
            depth -= 1
    if heads >= _HEADS and _FUNCTIONS.search(text):
        raise TooMuch("functions within functions without a body")
