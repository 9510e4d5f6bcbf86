"""``${name...}`` where the value is known: parts of it, other letters, patterns cut off or replaced."""

from __future__ import annotations

import re

from detectors.destructive.values import UNKNOWN

MAX_VALUE = 2_048  # characters that patterns are tried on
MAX_PATTERN = 64
_SUBSTRING = re.compile(r":\s*(-?\s*\d{1,6})\s*(?::\s*(-?\s*\d{1,6})\s*)?")
_PLAIN = re.compile(r"[^$`\"'\\]*")


def changed(value: str, form: str) -> str:
    """The value of ``${name<form>}``; `UNKNOWN` where that is not followed. form: what stands behind the name.

    >>> changed("mr", ":1:1"), changed("RM", ",,"), changed("a/b/c", "##*/"), changed("rXX", "//X/m")
    ('r', 'rm', 'c', 'rmm')
    """
    if not form:
        return value
    part = _SUBSTRING.fullmatch(form)
    if part is not None:
        return _substring(value, part.group(1), part.group(2))
    if form in ("^^", ",,"):
        return value.upper() if form == "^^" else value.lower()
    if form in ("^", ","):
        return (value[:1].upper() if form == "^" else value[:1].lower()) + value[1:]
    if form[0] == "@":
        return value
    if len(value) > MAX_VALUE or len(form) > MAX_PATTERN or _PLAIN.fullmatch(form) is None:
        return UNKNOWN
    if form[0] in "#%":
        return _cut(value, form)
    if form[0] == "/":
        return _replaced(value, form)
    return UNKNOWN


def _substring(value: str, begin: str, length: str | None) -> str:
    start = int(begin.replace(" ", ""))
    start = max(0, len(value) + start) if start < 0 else start
    if length is None:
        return value[start:]
    count = int(length.replace(" ", ""))
    return value[start : start + count if count >= 0 else max(start, len(value) + count)]


def _glob(pattern: str, greedy: bool) -> re.Pattern[str] | None:
    if pattern.count("*") > 2:
        return None  # more could take long
    star = ".*" if greedy else ".*?"
    return re.compile(
        "".join(star if one == "*" else "." if one == "?" else re.escape(one) for one in pattern), re.DOTALL
    )


def _cut(value: str, form: str) -> str:
    longest = form[:2] in ("##", "%%")
    pattern = _glob(form[2:] if longest else form[1:], longest)
    if pattern is None or "[" in form:
        return UNKNOWN
    if form[0] == "#":
        found = pattern.match(value)
        return value[found.end() :] if found is not None else value
    places = range(len(value) + 1) if longest else range(len(value), -1, -1)
    if len(value) > 256:
        return UNKNOWN
    return next((value[:at] for at in places if pattern.fullmatch(value, at)), value)


def _replaced(value: str, form: str) -> str:
    every = form.startswith("//")
    pattern, _, replacement = form[2 if every else 1 :].partition("/")
    anchored = pattern[:1] if pattern[:1] in ("#", "%") and not every else ""
    found = _glob(pattern[len(anchored) :], True)
    if found is None or not pattern or "[" in pattern:
        return UNKNOWN
    if anchored:
        expression = rf"\A(?:{found.pattern})" if anchored == "#" else rf"(?:{found.pattern})\Z"
        found = re.compile(expression, re.DOTALL)
    return found.sub(lambda _: replacement, value, count=0 if every else 1)[: 4 * MAX_VALUE]
