"""What a whole run did and what came of it, as two small sets: enough to see that two runs did the same."""

from __future__ import annotations

from typing import Protocol

from detectors.event import ToolCall, ToolResult
from detectors.loops.fingerprint import CHANGES, fingerprint
from detectors.loops.hashing import hashed
from detectors.loops.mask import mask

BITS = 48  # of a set: every reader of JSON holds them exactly
LOOKED_AT = 300  # characters of a result
MOST = 1_000_000


class Trace(Protocol):
    """did, came: a bit for each kind of call, and for each result without its volatile parts. changes: calls that
    change something."""

    did: int
    came: int
    changes: int


def trace_call(call: ToolCall, trace: Trace) -> None:
    """Numbers in calls don't count: dates and ids differ from run to run."""
    mark = fingerprint(call)
    trace.did |= 1 << mark.shape % BITS
    if mark.flags & CHANGES:
        trace.changes = min(trace.changes + 1, MOST)


def trace_result(result: ToolResult, trace: Trace) -> None:
    text = mask((result.output or "")[:LOOKED_AT], True)
    trace.came |= 1 << hashed(text, result.exit_code is not None and result.exit_code != 0) % BITS


def alike(one: int, other: int) -> bool:
    """Four of five at least are in both.

    >>> alike(0b11111, 0b01111), alike(0b11111, 0b00111), alike(0, 0)
    (True, False, True)
    """
    return 5 * (one & other).bit_count() >= 4 * (one | other).bit_count()
