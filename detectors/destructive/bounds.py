"""Texts that the parser would take seconds to read: found before it is asked.

tree-sitter's error recovery is quadratic in openings that are never closed: 64 KiB of ``$[`` take ten seconds. What
people write is not nested a hundred deep.
"""

from __future__ import annotations

import re
import zlib

MAX_BYTES = 64 * 1024  # of one text that is run; the rest is not read
MAX_PARSED = 16 * 1024  # of a script that needs the parser, which takes up to 2 µs a byte; the rest is looked through
MAX_PLAIN = 1024 * 1024  # of a script that needs none: that is linear, and quick for what here-documents hold
MAX_NESTING = 120
MAX_WORK = 512 * 1024  # characters of scripts, words and code that one analysis reads, those in loops each time
MAX_ROWS = 512  # of code that says the same again and again, which takes some parsers 0.1 ms a character
_SAME = 12
_SHORT = 400
# What error recovery takes quadratic time for when it is left open or comes in rows: 400 of them take some 5 ms.
_MAX_RISKY = 400
_RISKY = ("?", "=(", "$[", "[[", "()", "${")
_HEADS = 64
# From the last letter of a name, and giving nothing back: from each letter of a long word it would take minutes.
_FUNCTIONS = re.compile(rf"[\w.-][ \t]*+\([ \t]*+\)(?:\s*+[\w.-]++[ \t]*+\([ \t]*+\)){{{_HEADS - 1}}}")
_HEADLESS = re.compile(r"^[ \t]*<<", re.MULTILINE)
_DOCUMENT = re.compile(r"<<~?(?:[ \t]*+[\"'`])?\\?([^\W\d]\w{0,80})", re.ASCII)
_HANDED = re.compile(r"sh -\w*c\b")
_LINES = re.compile(r"(?<!\|)\n")
_OPENS = bytes.maketrans(b"([{)]}", b"\1\1\1\0\0\0")
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))


class TooMuch(Exception):
    """A script beyond the limits: what was read so far stands."""


def check_nesting(text: str) -> None:
    """Raises TooMuch for a text whose brackets are open deeper than `MAX_NESTING`, quoted ones included."""
    if len(text) < _SHORT:
        return
    if text.count("<") > 2 * MAX_NESTING and len(_HEADLESS.findall(text)) > MAX_NESTING:
        raise TooMuch("here-documents without a command")
    for token in _RISKY:
        if text.count(token) > _MAX_RISKY:
            raise TooMuch(f"more than {_MAX_RISKY} times {token!r}")
    if text.count("|") > _MAX_RISKY and max(line.count("|") for line in _LINES.split(text)) > _MAX_RISKY:
        raise TooMuch(f"more than {_MAX_RISKY} pipes in a row")
    source = text.encode("utf-8", "replace")
    if source.count(b")") - source.count(b"(") > MAX_NESTING:
        raise TooMuch("brackets closed that were never opened")
    brackets = source.translate(_OPENS, _NO_BRACKETS)
    if brackets.count(1) < MAX_NESTING:
        return
    if _depth(brackets) > MAX_NESTING:
        raise TooMuch(f"brackets open more than {MAX_NESTING} deep")
    if source.translate(None, b" \t").count(b"()") >= _HEADS and _FUNCTIONS.search(text):
        raise TooMuch("functions within functions without a body")


def check_shells(text: str) -> None:
    """Raises TooMuch for a line that hands a command to more shells than anyone would write, one within the other."""
    if len(text) < _SHORT or text.count("-c") <= MAX_NESTING:
        return
    if max(len(_HANDED.findall(line)) for line in text.split("\n")) > MAX_NESTING:
        raise TooMuch(f"more than {MAX_NESTING} shells within shells")


def check_documents(text: str) -> None:
    """Raises TooMuch for a here-document without an end: the scanner of Perl's grammar looks for it for ever."""
    if "<<" not in text:
        return
    ends, at = {}, 0
    for line in text.split("\n"):
        ends[line.strip(" \t")] = at
        at += len(line) + 1
    for found in _DOCUMENT.finditer(text):
        if ends.get(found.group(1), -1) < found.end():
            raise TooMuch(f"a here-document without its end {found.group(1)[:40]!r}")


def rows_of_the_same(text: str) -> bool:
    """Whether a text is the same few characters again and again, told by how small it becomes.

    >>> rows_of_the_same("a+" * 1000), rows_of_the_same(__doc__)
    (True, False)
    """
    return len(zlib.compress(text.encode("utf-8", "replace"), 1)) * _SAME < len(text)


def _depth(brackets: bytes) -> int:
    """How deep brackets (1 opens, 0 closes) are open at most; `MAX_NESTING` for whatever is not deeper than that.

    Taking out those that close at once lowers the deepest place by no more than one, and is quick.
    """
    left = brackets
    for taken in range(8):
        if taken + left.count(1) <= MAX_NESTING:
            return MAX_NESTING
        left = left.replace(b"\1\0", b"")
    depth = most = 0
    for opens in brackets:
        if opens:
            depth += 1
            most = max(most, depth)
        elif depth:
            depth -= 1
    return most
