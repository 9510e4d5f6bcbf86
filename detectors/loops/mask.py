"""A result without its volatile parts: what differs from one time to the next and says nothing new."""

from __future__ import annotations

import re

from detectors.loops.hashing import hashed, names

ENDS = 200  # characters at either end of a text that are masked; what is between is compared as it is

# `mktemp` and Python's tempfile: not a word with a number behind it, which counts the items of a batch.
TEMPORARY = r"tmp(?:\.(?![a-z]*\d+\b)[A-Za-z0-9]{6,10}|(?![a-z]*_?\d+\b)[a-z0-9_]{8})\b"

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[@-~]")
_BAR = re.compile(r"={4,}>?|#{4,}|[\u2588\u2501\u25a0]{2,}[\u2591-\u2593\u258a-\u258f\u2578-\u257f]*")
_PROCESS = re.compile(r"(?<=[a-z])\[\d+\](?=:)")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[a-z0-9]*\d[a-z0-9]*")
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
    r"(?:\.\d++)? ?[kmgt]i?b(?:it)?(?:/s|ps)\b",  # a speed
)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
_HEX = r"[0-9a-f](?=[0-9a-f]{6})(?:(?<=\d)(?=\d*[a-f])|(?<=[a-f])(?=[a-f]*\d))[0-9a-f]*+\b"
# A file under /tmp whose name ends in letters and digits that were drawn.
_DRAWN = r"tmp/[\w.]*[\-_.](?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{4,}\b"
_SHARED = (rf"\d++(?:{'|'.join(_AFTER_DIGITS)})", TEMPORARY, _DRAWN)
_TAKEN = r"(?:elapsed|duration|latency|took(?=\")|response_?time|execution_?time)(?:_?(?:ms|s|secs?|seconds))?"
_COUNTED = (
    r"(?:attempt|pid|tid|thread|retry|try|uptime|seq|sequence|tick|counter|execution_?count|"
    + _TAKEN
    + r"{more})[\"' :=#(\[]{{1,4}}\d+\b(?!-)(?:\.\d+)?"
)
# Where something went well, an id may be the item that was worked off, unless it is known to be about the call.
_ABOUT_THE_CALL = (
    r"(?:trace|request|req|correlation|span|session|nonce|etag|container|instance|connection|conn|thread|invocation"
    r"|query|execution|operation)"
    rf"(?:[_\-]?id)?[\"' :=#(\[]{{1,4}}(?:{_UUID}|{_HEX})"
)
# Where the next page begins is none of what is on this one.
_NEXT = (
    r"(?:(?:next|end|start|after)_?(?:cursor|token|page_?token)|next(?=\")|cursor|page_?token|continuation(?:_?token)?)"
    r"[\"' :=(\[]{1,4}[\w+/=.\-]*\d[\w+/=.\-]*"
)
_VOLATILE = re.compile(rf"\b(?=\w)(?:{'|'.join((_ABOUT_THE_CALL, _NEXT, *_SHARED, _COUNTED.format(more='')))})")
# The number of a request or iteration that went well is progress: a queue that is worked off.
_COUNTED_FAILING = _COUNTED.format(more="|request|req|iteration")
_VOLATILE_FAILING = re.compile(rf"\b(?=\w)(?:{'|'.join((_UUID, _HEX, *_SHARED, _COUNTED_FAILING))})")


def mask(text: str, failing: bool = False, own: bytes = b"") -> str:
    """The text, in lower case, without times, durations, ids, temporary names, attempt numbers, ports and colours.

    failing: it is of a failure, in which the numbers of requests and iterations are volatile too.
    own: the call's own numbers (`detectors.loops.fingerprint`). What consists of them is not volatile: it names what
    the call is about.

    >>> mask("Attempt 3 of 9: 10.0.0.7:49152 refused after 1.02s, 2 tests failed")
    '~ of 9: 10.0.0.7:~ refused after ~, 2 tests failed'
    >>> mask("request 170: not found", failing=True)
    '~: not found'
    """
    middle = ""
    if len(text) > 2 * ENDS:
        middle = f"\0{hashed(text[ENDS:-ENDS])}\0"
        text = f"{text[:ENDS]}\n{text[-ENDS:]}"
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if not text:
        return middle
    text = text.lower()
    if "===" in text or "###" in text or not text.isascii():
        text = _BAR.sub("~", text)
    if "]" in text:
        text = _PROCESS.sub("[~]", text)
    if _DIGIT.search(text) or "tmp" in text:
        volatile = _VOLATILE_FAILING if failing else _VOLATILE
        text = volatile.sub(lambda match: unless_own(match, own), text) if own else volatile.sub("~", text)
    return " ".join(text.split()) + middle


def may_vary(text: str) -> bool:
    """Whether there is anything to mask."""
    return _DIGIT.search(text, 0, 4 * ENDS) is not None or "tmp" in text[:ENDS] or "\x1b" in text[:ENDS]


def unless_own(match: re.Match[str], own: bytes) -> str:
    """`~` for what was found, or the thing itself where all its numbers are the call's own."""
    parts = _NUMBER.findall(match[0])
    return match[0] if parts and all(names(own, part) for part in parts) else "~"
