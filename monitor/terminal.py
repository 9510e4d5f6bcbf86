"""What agents wrote, made safe for a terminal."""

from __future__ import annotations


def clean(text: str) -> str:
    """One line, and nothing in it that a terminal would obey.

    >>> clean("done\\x1b[2J\\nnext")
    'done [2J next'
    """
    return "".join(character if character.isprintable() else " " for character in text)
