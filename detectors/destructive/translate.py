"""tr: characters put in place of others, for real where the text is known."""

from __future__ import annotations

import string

from detectors.destructive.scope import Scope
from detectors.destructive.values import CODED, GLOB, is_unknown, literal, passed_on
from detectors.destructive.words import ansi

_CLASSES = {
    "upper": string.ascii_uppercase, "lower": string.ascii_lowercase, "digit": string.digits,
    "alpha": string.ascii_uppercase + string.ascii_lowercase, "space": " \t\n\r\f\v", "blank": " \t",
    "alnum": string.digits + string.ascii_uppercase + string.ascii_lowercase, "punct": string.punctuation,
}  # fmt: skip
MAX_SET = 256


def translated(argv: list[str], scope: Scope, stdin: str | None) -> str:
    if stdin is None or is_unknown(stdin) or GLOB in stdin:
        return passed_on(stdin)
    flags = {letter for word in argv[1:] if word.startswith("-") and len(word) > 1 for letter in word.strip("-")}
    sets = [characters(literal(word)) for word in argv[1:] if not word.startswith("-") or word == "-"]
    if not sets or "c" in flags or "C" in flags:
        return CODED
    if "d" in flags:
        return stdin.translate(dict.fromkeys(map(ord, sets[0])))
    if len(sets) < 2 or not sets[1]:
        return stdin
    first, second = sets[0], sets[1][:MAX_SET]
    second += second[-1] * (len(first) - len(second))
    return stdin.translate({ord(one): other for one, other in zip(first, second, strict=False)})


def characters(text: str) -> str:
    """The characters of a set.

    >>> characters("a-e"), characters("[:digit:]_"), characters("[n-p]")
    ('abcde', '0123456789_', '[nop]')
    """
    text = ansi(text)
    out: list[str] = []
    at = 0
    while at < len(text) and len(out) < MAX_SET:
        if text.startswith("[:", at) and ":]" in text[at:]:
            end = text.index(":]", at)
            out.extend(_CLASSES.get(text[at + 2 : end], ""))
            at = end + 2
        elif text[at + 1 : at + 2] == "-" and at + 2 < len(text) and 0 <= ord(text[at + 2]) - ord(text[at]) < MAX_SET:
            out.extend(map(chr, range(ord(text[at]), ord(text[at + 2]) + 1)))
            at += 3
        else:
            out.append(text[at])
            at += 1
    return "".join(out)
