"""A few words by which a person knows a call."""

from __future__ import annotations

from typing import Any

from detectors.event import ToolCall
from detectors.loops.fingerprint import COMMANDS, line_of

LIMIT = 44  # characters that are shown
KEPT = 72  # that are kept until the result, since most calls are never shown


def kept_label(call: ToolCall) -> str:
    """The tool and how the call begins, as it came: `label` makes a line of it."""
    text: Any = call.arguments
    if isinstance(text, dict):
        named = text.get("command")
        if isinstance(named, list):
            named = line_of(named)
        if not isinstance(named, str):
            named = next((text[name] for name in COMMANDS if isinstance(text.get(name), str)), None)
            named = named or next((value for value in text.values() if isinstance(value, str)), "")
        text = named
    line = f"{call.tool[:LIMIT]} {text[:KEPT] if text else ''}"
    if line.isascii():
        return line[:KEPT]
    return line[: KEPT // 3].encode("utf-8", "replace").decode()  # bytes count


def label(kept: str) -> str:
    """In one line.

    >>> label(kept_label(ToolCall(time=0, run_id="r", tool="bash", arguments={"command": "ls  -la"})))
    'bash ls -la'
    """
    line = " ".join(kept.split())
    limit = LIMIT if line.isascii() else LIMIT // 3
    return line if len(line) <= limit and len(kept) < KEPT else f"{line[: limit - 1]}…"
