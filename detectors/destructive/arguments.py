"""A command line split into words and flags, the way most programs read theirs."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Arguments(Struct):
    """words: what is not a flag. flags: every spelling seen (``-rf`` is also ``-r`` and ``-f``), with its value."""

    words: list[str]
    flags: dict[str, str]

    def has(self, any_of: Iterable[str]) -> bool:
        return any(flag in self.flags for flag in any_of)


_OFF = frozenset({"false", "no", "none", "0", "off"})


def split(argv: list[str], values: frozenset[str], long_dash: bool = False) -> Arguments:
    """Split ``argv`` without the program's name.

    values: flags whose value is the next word. long_dash: one dash starts a long flag (``terraform -auto-approve``).
    A flag switched off by its value (``--force=false``) is left out.
    """
    words: list[str] = []
    flags: dict[str, str] = {}
    at, end = 0, len(argv)
    while at < end:
        word = argv[at]
        at += 1
        if len(word) < 2 or word[0] != "-":
            words.append(word)
            continue
        if word == "--":
            words.extend(argv[at:])
            break
        name, equals, value = word.partition("=")
        if equals and name[0] == "-":
            if value.lower() not in _OFF:
                flags[name] = value
            continue
        if word in values:
            flags[word] = argv[at] if at < end else ""
            at += 1
            continue
        flags[word] = ""
        if word[1] == "-" or long_dash or len(word) == 2:
            continue
        if word[:2] in values:
            flags[word[:2]] = word[2:]
            continue
        for index, letter in enumerate(word[1:], 1):
            flag = "-" + letter
            flags.setdefault(flag, "")
            if flag in values:
                if index == len(word) - 1 and at < end:
                    flags[flag] = argv[at]
                    at += 1
                else:
                    flags[flag] = word[index + 1 :]
                break
    return Arguments(words, flags)
