"""Values of a shell word that are partly unknown, kept as plain strings with marks from Unicode's private use area.

Strings stay strings, so everything that works on arguments works on half-known ones. What comes from outside has these
characters replaced first (`clean`), so nobody can write a mark.
"""

from __future__ import annotations

import re

UNKNOWN = "\ue000"  # some text, not empty as far as anyone can tell
UNSET = "\ue001"  # a variable that nobody set here: empty, or whatever the environment holds
NET = "\ue002"  # text that comes from the network
CODED = "\ue003"  # text that was decoded or decompressed and could not be read here
GLOB = "\ue004"  # an active *
ONE = "\ue005"  # an active ? or [
SEP = "\ue006"  # a place where the shell splits words
QUOTED = "\ue007"  # quotes stood here: an empty word stays a word
STAR = "\ue00b"  # a star that is only a character, where patterns are compared
OPEN, COMMA, CLOSE = "\ue008", "\ue009", "\ue00a"  # active braces

_MARKS = re.compile("[\ue000-\ue00f]")
_MARKS_BEGIN = "\ue000".encode()[:2]
_SHOWN = {UNKNOWN: "…", UNSET: "…", NET: "…", CODED: "…", GLOB: "*", ONE: "?", SEP: " ", QUOTED: "", STAR: "*",
          OPEN: "{", COMMA: ",", CLOSE: "}"}  # fmt: skip
_BLANKS = re.compile(r"[ \t\n]+")
_UNKNOWN = re.compile(f"[{UNKNOWN}{UNSET}{NET}{CODED}…]")
MAX_FIELDS = 64


def clean(text: str) -> str:
    """Text from outside without the characters that are marks here."""
    if text.isascii() or _MARKS_BEGIN not in text.encode("utf-8", "replace"):
        return text
    return _MARKS.sub("\ufffd", text)


def display(text: str) -> str:
    """For people."""
    return text if text.isascii() else _MARKS.sub(lambda mark: _SHOWN.get(mark.group(), ""), text)


def is_unknown(text: str) -> bool:
    return not text.isascii() and _UNKNOWN.search(text) is not None


def literal(text: str) -> str:
    """The text as data: globs and braces are ordinary characters, unknown parts stay marked."""
    if text.isascii():
        return text
    for mark in (GLOB, ONE, SEP, OPEN, COMMA, CLOSE, QUOTED):
        if mark in text:
            text = text.replace(mark, _SHOWN[mark])
    return text


def passed_on(stdin: str | None) -> str:
    """A filter nobody modelled: unknown text, of the origin of its input."""
    if stdin is None:
        return UNKNOWN
    return NET if NET in stdin else CODED if CODED in stdin else UNKNOWN


def unquoted(value: str) -> str:
    """A value as it appears outside quotes: it is split at blanks and its stars are globs."""
    value = _BLANKS.sub(SEP, value)
    return value.replace("*", GLOB) if "*" in value else value


def fields(word: str) -> list[str]:
    """Brace expansion, then word splitting. At most `MAX_FIELDS` words."""
    if word.isascii():
        return [word]
    out: list[str] = []
    for braced in _braces(word) if OPEN in word else [word]:
        for part in braced.split(SEP) if SEP in braced else [braced]:
            if not part:
                continue
            if OPEN in part or COMMA in part or CLOSE in part:
                part = part.replace(OPEN, "{").replace(COMMA, ",").replace(CLOSE, "}")
            out.append(part.replace(QUOTED, "") if QUOTED in part else part)
            if len(out) >= MAX_FIELDS:
                return out
    return out


def _braces(word: str) -> list[str]:
    done: list[str] = []
    work = [word]
    for _ in range(4 * MAX_FIELDS):
        if not work or len(done) >= MAX_FIELDS:
            break
        part = work.pop()
        close = part.find(CLOSE)
        start = part.rfind(OPEN, 0, close) if close >= 0 else -1
        if start < 0:
            done.append(part)
            continue
        inner = part[start + 1 : close]
        options = inner.split(COMMA)
        if len(options) == 1:
            options = _sequence(inner) or ["{" + inner + "}"]
        work.extend(part[:start] + option + part[close + 1 :] for option in reversed(options[:MAX_FIELDS]))
    return done


def _sequence(inner: str) -> list[str]:
    found = re.fullmatch(r"(-?\d{1,6})\.\.(-?\d{1,6})", inner)
    if not found:
        return []
    first, last = int(found.group(1)), int(found.group(2))
    step = 1 if last >= first else -1
    return [str(number) for number in range(first, last + step, step)][:MAX_FIELDS]
