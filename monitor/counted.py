"""A number and its noun, as people read them."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """``many``: where it is not ``one`` with an s.

    >>> counted(1, "process", "processes"), counted(0, "action")
    ('1 process', '0 actions')
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"
