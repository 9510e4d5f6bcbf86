"""What a failure is about: one line of its output, the same for every command that meets the same obstacle."""

from __future__ import annotations

import re

from detectors.event import ToolResult
from detectors.loops.mask import mask, unless_given

LOOKED_AT = 2_000  # characters at the end of an output: that is where errors stand
LINE = 400  # characters of a line

_WORDS = (
    "error", "exception", "fail", "denied", "refused", "not found", "no such", "cannot", "can't", "could not",
    "unable", "fatal", "timed out", "timed-out", "time out", "timeout", "timedout", "killed", "invalid", "unknown",
    "missing", "forbidden", "unauthorized", "too many requests", "quota",
)  # fmt: skip
_CODE = re.compile(r"\b(?:4\d\d|50\d)\b")
_TEST_SUMMARY = re.compile(r"\b\d+ (?:failed|failures?|errors?|passed)\b")
_PLACE = re.compile(r"\bline \d+|:\d+(?=[:,)\s]|$)")
_SCRIPT = re.compile(r"^(?:/\S+/)?(?:ba|z|da)?sh: (?:(?:line )?\d+: )?")


def failure_signature(result: ToolResult, numbers: str = "") -> tuple[str, str] | None:
    """The last line that reads like an error, without its volatile parts and places, and as it came; None if nothing
    tells.

    The counts of a test summary stay in it, and so do the names of the failing tests: fewer failures, or others, are
    another signature. numbers: the call's own (`mask`), which stay too.

    >>> from detectors.event import ToolResult
    >>> failed = ToolResult(time=0, run_id="r", exit_code=1, output="Traceback:\\n  a.py, line 7\\nKeyError: 'x'")
    >>> failure_signature(failed)
    ("keyerror: 'x'", "KeyError: 'x'")
    """
    if result.status == "timeout" or result.exit_code == 124:
        return "timed out", "timed out"
    lines = [line[:LINE] for line in (result.output or "")[-LOOKED_AT:].splitlines() if line.strip()]
    if not lines:
        return None
    # From the end: the rest of a long output need not be searched.
    last = next((line for line in reversed(lines) if _tells(line)), lines[-1])
    if _TEST_SUMMARY.search(last.lower()):
        signature = "\n".join(_masked(line, numbers) for line in lines[-12:] if _tells(line))
    else:
        signature = _masked(last, numbers)
    return signature, " ".join(last.split())


def _tells(line: str) -> bool:
    line = line.lower()
    for word in _WORDS:  # a loop, since `any` takes twice as long
        if word in line:
            return True
    return ("4" in line or "50" in line) and _CODE.search(line) is not None


def _masked(line: str, numbers: str) -> str:
    text = _SCRIPT.sub("", mask(line, True, numbers))
    return _PLACE.sub(lambda match: unless_given(match, numbers), text)
