"""A few words by which a person knows a call."""

from __future__ import annotations

from typing import Any

from detectors.event import ToolCall
from detectors.loops.fingerprint import COMMANDS

LIMIT = 44  # characters; they are kept until the result


def label(call: ToolCall, limit: int = LIMIT) -> str:
    """In one line, with its tool.

    >>> label(ToolCall(time=0, run_id="r", tool="bash", arguments={"command": "ls  -la"}))
    'bash ls -la'
    """
    text: Any = call.arguments
    if isinstance(text, dict):
        named = text.get("command")
        if not isinstance(named, str):
            named = next((text[name] for name in COMMANDS if isinstance(text.get(name), str)), None)
        text = named or next((value for value in text.values() if isinstance(value, str)), "")
    line = " ".join(text[: 2 * limit].split()) if text else ""
    if text and len(line) <= limit and len(text) > 2 * limit:  # there is more of it than is shown
        line = " ".join(text[: 4 * limit].split())
    line = f"{call.tool[:limit]} {line}".strip()
    if not line.isascii():
        line, limit = line.encode("utf-8", "replace").decode(), limit // 3  # bytes count
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
