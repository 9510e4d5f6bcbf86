"""Results remembered by the text they follow from: so few, of such short texts, that hostile input fills no memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Judge = Callable[Concatenate[str, P], R]


def remembered(entries: int, characters: int) -> Callable[[Judge[P, R]], Judge[P, R]]:
    """A pure function of a text that keeps its last results: of texts up to ``characters``; longer ones go through."""

    def decorate(judge: Judge[P, R]) -> Judge[P, R]:
        kept = lru_cache(maxsize=entries)(judge)

        def judged(text: str, /, *rest: P.args, **named: P.kwargs) -> R:
            return (judge if len(text) > characters else kept)(text, *rest, **named)

        update_wrapper(judged, judge)
        return judged

    return decorate
