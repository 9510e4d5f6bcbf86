"""A call's arguments as they are meant, however the publisher wraps them."""

from __future__ import annotations

from typing import Any

import msgspec

# In these some publishers put all that the tool takes.
WRAPPERS = ("input", "arguments", "args", "params", "parameters", "kwargs", "tool_input")
_WRAPPERS = frozenset(WRAPPERS)
WRITTEN = 16_384  # characters of arguments, given as JSON in a text, that are read as arguments


def written(arguments: str) -> dict[str, Any] | str:
    """Arguments that were given as JSON in a text, as models write them; any other text as it is."""
    if not arguments.startswith("{") or len(arguments) > WRITTEN:
        return arguments
    try:
        return msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return arguments


def unwrapped(arguments: dict[str, Any]) -> dict[str, Any]:
    """What stands in an argument that holds all the others, beside what stands outside."""
    if _WRAPPERS.isdisjoint(arguments):
        return arguments
    for name in WRAPPERS:
        inner = arguments.get(name)
        if isinstance(inner, dict) and inner and all(isinstance(key, str) for key in inner):
            return {**{key: value for key, value in arguments.items() if key != name}, **inner}
    return arguments
