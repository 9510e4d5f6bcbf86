"""A result without its volatile parts: what differs from one time to the next and says nothing new."""

from __future__ import annotations

import re
from zlib import crc32

ENDS = 1_000  # characters at either end of a text that are masked; what is between is compared as it is

# `mktemp` and Python's tempfile: not a word with a number behind it, which counts the items of a batch.
TEMPORARY = r"tmp(?:\.(?![a-z]*\d+\b)[A-Za-z0-9]{6,10}|(?![a-z]*_?\d+\b)[a-z0-9_]{8})\b"

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[@-~]")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\d\w*", re.ASCII)
# For lower-case text. Each branch begins with a character or a set of them, and a number is read once whatever may
# follow it: so most of a text is skipped at a glance.
_CLOCK = r"\d\d(?::\d\d(?:[.,]\d+)?)?"
_AFTER_DIGITS = (
    rf"[-/](?<=\b\d{{4}}.)\d\d[-/]\d\d[t ]\d\d:{_CLOCK}(?:z|[+-]\d\d:?\d\d)?",  # a date with its time
    rf":(?<!\d\d\d:)(?<![:.]\d:)(?<![:.]\d\d:)(?<!eta \d:)(?<!eta \d\d:){_CLOCK}(?![\w:])",  # a time of day
    r"(?:\.\d++)? ?[mnsuµ](?:(?<=m)s|(?<=[uµn])s|(?<=s)(?:ec(?:ond)?s?)?|(?<=m)in(?:ute)?s?)\b"
    r"(?! (?:left|remain|to go))",  # a duration
    r"\b(?:(?<=\b1\d{9})(?:\.\d+)?|(?<=\b1\d{12})|(?<=:(?:3[2-9]|[4-6]\d)\d{3}))",  # a Unix time; an ephemeral port
    r"x(?<=\b0x)[0-9a-f]+\b",  # an address
)
_BRANCHES = (
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",  # a UUID
    r"[0-9a-f](?=[0-9a-f]{6})(?:(?<=\d)(?=\d*[a-f])|(?<=[a-f])(?=[a-f]*\d))[0-9a-f]*+\b",  # a hash
    rf"\d++(?:{'|'.join(_AFTER_DIGITS)})",
    TEMPORARY,
)
_COUNTED = r"(?:attempt|pid|retry|try{more})[ :=#(\[]{{1,3}}\d+\b(?!-)"
_VOLATILE = re.compile(rf"\b(?=\w)(?:{'|'.join((*_BRANCHES, _COUNTED.format(more='')))})")
# The number of a request or iteration that went well is progress: a queue that is worked off.
_COUNTED_FAILING = _COUNTED.format(more="|request|req|iteration")
_VOLATILE_FAILING = re.compile(rf"\b(?=\w)(?:{'|'.join((*_BRANCHES, _COUNTED_FAILING))})")


def mask(text: str, failing: bool = False, numbers: str = "") -> str:
    """The text, in lower case, without times, durations, ids, temporary names, attempt numbers, ports and colours.

    failing: it is of a failure, in which the numbers of requests and iterations are volatile too.
    numbers: of the call (`numbers_of`). What consists of them is not volatile: it names what the call is about.

    >>> mask("Attempt 3 of 9: 10.0.0.7:49152 refused after 1.02s, 2 tests failed")
    '~ of 9: 10.0.0.7:~ refused after ~, 2 tests failed'
    >>> mask("request 170: not found", failing=True), mask("request 170: not found", failing=True, numbers=" 170 ")
    ('~: not found', 'request 170: not found')
    """
    middle = ""
    if len(text) > 2 * ENDS:
        middle = f"\0{crc32(text[ENDS:-ENDS].encode('utf-8', 'surrogatepass'))}\0"
        text = f"{text[:ENDS]}\n{text[-ENDS:]}"
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if not text:
        return middle
    text = text.lower()
    if _DIGIT.search(text) or "tmp" in text:
        volatile = _VOLATILE_FAILING if failing else _VOLATILE
        text = volatile.sub(lambda match: unless_given(match, numbers), text) if numbers else volatile.sub("~", text)
    return " ".join(text.split()) + middle


def numbers_of(text: str, limit: int = 64) -> str:
    """The numbers in the beginning of a call, each between spaces: short, as they are kept until the result.

    >>> numbers_of("lookup order 170 --page=2 part17.csv")
    ' 170 2 17 '
    """
    # Lower case may take more characters outside of ASCII.
    text = text[:500].lower() if text.isascii() else text.lower()
    found = " ".join(dict.fromkeys(_NUMBER.findall(text, 0, 500)))
    return f" {found[:limit]} " if found else ""


def unless_given(match: re.Match[str], numbers: str) -> str:
    """`~` for what was found, or the thing itself where all its numbers are the call's own."""
    parts = _NUMBER.findall(match[0])
    return match[0] if parts and all(f" {part} " in numbers for part in parts) else "~"
