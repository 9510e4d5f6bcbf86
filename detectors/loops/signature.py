"""What a failure is about: one line of its output, the same for every command that meets the same obstacle."""

from __future__ import annotations

import re

from detectors.event import ToolResult
from detectors.loops.fingerprint import mask

LOOKED_AT = 2_000  # characters at the end of an output: that is where errors stand
LINE = 400  # characters of a line

_ERROR = re.compile(
    r"error|exception|fail|denied|refused|not found|no such|cannot|can't|could not|unable|fatal|timed? ?out|killed"
    r"|invalid|unknown|missing|forbidden|unauthorized|too many requests|quota|\b(?:4\d\d|50\d)\b",
    re.IGNORECASE,
)
_TEST_SUMMARY = re.compile(r"\b\d+ (?:failed|failures?|errors?|passed)\b", re.IGNORECASE)
_PLACE = re.compile(r"\bline \d+|:\d+(?=[:,)\s]|$)", re.IGNORECASE)
_SCRIPT = re.compile(r"^(?:/\S+/)?(?:ba|z|da)?sh: (?:~: )?")


def failure_signature(result: ToolResult) -> str | None:
    """The last line that reads like an error, without its volatile parts and places; None if nothing tells.

    The counts of a test summary stay in it, and so do the names of the failing tests: fewer failures, or others, are
    another signature.

    >>> from detectors.event import ToolResult
    >>> failed = ToolResult(time=0, run_id="r", exit_code=1, output="Traceback:\\n  a.py, line 7\\nKeyError: 'x'")
    >>> failure_signature(failed)
    "KeyError: 'x'"
    """
    if result.status == "timeout" or result.exit_code == 124:
        return "timed out"
    lines = [line for line in (result.output or "")[-LOOKED_AT:].splitlines() if line.strip()]
    if not lines:
        return None
    # From the end: the rest of a long output need not be searched.
    last = next((line for line in reversed(lines) if _ERROR.search(line, 0, LINE)), lines[-1])
    if _TEST_SUMMARY.search(last, 0, LINE):
        return "\n".join(_masked(line) for line in lines[-12:] if _ERROR.search(line, 0, LINE))
    return _masked(last)


def _masked(line: str) -> str:
    return _SCRIPT.sub("", _PLACE.sub("~", mask(line[:LINE])))
