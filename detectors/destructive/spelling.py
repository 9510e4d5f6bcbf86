"""One command line, many spellings: ``rm`` as its flags are meant in the end."""

from __future__ import annotations

_RM_LONG = ("--recursive", "--force", "--interactive", "--no-preserve-root", "--preserve-root", "--dir", "--verbose",
            "--one-file-system", "--help", "--version")  # fmt: skip
REMOVERS = frozenset({"rm", "grm", "srm"})


def spelled(argv: list[str], answered: bool) -> list[str]:
    """``rm`` with its long flags whole, and without the questions that a later ``-f``, or the input, answers.

    >>> spelled(["rm", "-I", "--rec", "-f", "/x"], False)
    ['rm', '--recursive', '-f', '/x']
    """
    words: list[str | None] = [argv[0]]
    asks: list[int] = []  # places of the flags that ask
    for at, word in enumerate(argv[1:], 1):
        if word == "--":
            words.extend(argv[at:])
            break
        if word.startswith("--") and "=" not in word:
            whole = [flag for flag in _RM_LONG if flag.startswith(word)]
            word = whole[0] if len(whole) == 1 else word
        short = word[:1] == "-" and word[1:2] not in ("", "-")
        if word == "--force" or (short and "f" in word):
            asks = _without(words, asks)
            forced = word.rfind("f") if short else -1
            word = "".join(letter for n, letter in enumerate(word) if not (short and letter in "iI" and n < forced))
        if word.startswith("--interactive") or (short and not {"i", "I"}.isdisjoint(word)):
            asks.append(len(words))
        words.append(word)
    if answered:
        _without(words, asks)
    return [word for word in words if word is not None]


def _without(words: list[str | None], places: list[int]) -> list[int]:
    for place in places:
        left = "".join(letter for letter in words[place] or "" if letter not in "iI")
        words[place] = None if left.startswith("--") or left == "-" else left
    return []
