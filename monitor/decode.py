"""From the bytes of one Kafka message to the events in it, or the reason why not.

A message is one JSON event, a JSON array of events, or NDJSON. All of its events belong to one run. What cannot be
decoded is described, never raised: the caller sends it to the dead-letter topic and goes on.
"""

from __future__ import annotations

import hashlib
import json
import re

import msgspec
from msgspec import Struct

from detectors.event import AnyEvent, Event, UnknownEvent

MAX_EVENT_BYTES = 1 << 20
MAX_DEPTH = 64  # nested arrays and objects; real arguments stay below 20
MAX_EVENTS = 10_000

_event = msgspec.json.Decoder(AnyEvent)
_events = msgspec.json.Decoder(list[AnyEvent])
_unknown = msgspec.json.Decoder(UnknownEvent)
_raw_items = msgspec.json.Decoder(list[msgspec.Raw])
_brackets = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)


class Undecodable(Struct, frozen=True):
    """Why a message is no event. ``reason`` names the field where one is at fault."""

    reason: str


class Decoded(Struct, frozen=True):
    """The events of a message, and how many were of kinds that this version doesn't know."""

    run_id: str
    events: list[Event]
    unknown: int = 0


def decode(value: bytes | None, limit: int = MAX_EVENT_BYTES) -> Decoded | Undecodable:
    """The events in ``value``; ``limit`` in bytes.

    >>> decode(b'{"kind":"heartbeat","time":1,"run_id":"r","id":"e"}').events[0].id
    'e'
    >>> decode(b'{"kind":"heartbeat","time":1}').reason
    'Object missing required field `run_id`'
    >>> decode(b'{"kind":"model.call","time":1,"run_id":"r","cost_usd":NaN}').reason
    'non-finite number NaN - at `$.cost_usd`'
    """
    if not value:
        return Undecodable("empty message: an event is a JSON object")
    if len(value) > limit:
        return Undecodable(f"message of {len(value)} bytes is over the limit of {limit} bytes (max_event_bytes)")
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH and (depth := nesting(value)) > MAX_DEPTH:
        return Undecodable(f"nested {depth} deep, over the limit of {MAX_DEPTH}")
    try:
        return _together(_parse(value), value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        return Undecodable(_reason(value, error))


def _parse(value: bytes) -> list[Event | UnknownEvent]:
    head = value.lstrip()[:1]
    if head == b"[":
        try:
            return list(_events.decode(value))
        except msgspec.ValidationError:
            return [_one(bytes(item), f"$[{n}]") for n, item in enumerate(_raw_items.decode(value))]
    try:
        return [_event.decode(value)]
    except msgspec.ValidationError:
        return [_one(value, "$")]
    except msgspec.DecodeError:
        lines = [line for line in value.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [_one(line, f"line {n}: $") for n, line in enumerate(lines, start=1)]


def _one(value: bytes, place: str) -> Event | UnknownEvent:
    try:
        return _event.decode(value)
    except msgspec.DecodeError as error:
        if str(error).endswith("at `$.kind`") and "Invalid value" in str(error):
            return _unknown.decode(value)
        if place == "$":
            raise
        raise ValueError(_placed(_reason(value, error), place)) from error


def _placed(reason: str, place: str) -> str:
    """``reason`` with its path moved below ``place``, so that it says which of several events is at fault."""
    if "`$" in reason:
        return reason.replace("`$", f"`{place}", 1)
    return f"{reason} - at `{place}`"


def _together(parsed: list[Event | UnknownEvent], value: bytes) -> Decoded | Undecodable:
    if len(parsed) > MAX_EVENTS:
        return Undecodable(f"{len(parsed)} events in one message, over the limit of {MAX_EVENTS}")
    if not parsed:
        return Undecodable("empty array: a message holds at least one event")
    runs = {event.run_id for event in parsed}
    if len(runs) > 1:
        first, second = sorted(runs)[:2]
        return Undecodable(f"several runs in one message: `run_id` is {first!r} and {second!r}; send one message a run")
    events = [event for event in parsed if isinstance(event, Event)]
    for n, event in enumerate(events):
        if not event.id:
            event.id = _derived_id(value, n)
    return Decoded(runs.pop(), events, len(parsed) - len(events))


def _derived_id(value: bytes, n: int) -> str:
    return hashlib.sha256(value + n.to_bytes(4, "big")).hexdigest()[:16]


def nesting(value: bytes) -> int:
    """How deep the arrays and objects of a JSON text are nested."""
    depth = deepest = 0
    for match in _brackets.finditer(value):
        if match.group(1):
            depth += 1
            deepest = max(deepest, depth)
        elif match.group(2):
            depth -= 1
    return deepest


def _reason(value: bytes, error: Exception) -> str:
    """msgspec's words, and for a number that JSON has no form for, which one and where."""
    if isinstance(error, RecursionError):
        return f"nested too deep, over the limit of {MAX_DEPTH}"
    if not isinstance(error, msgspec.ValidationError) and isinstance(error, msgspec.DecodeError):
        found: list[str] = []
        try:
            tree = json.loads(value, parse_constant=_NonFinite)
        except (ValueError, RecursionError):
            return str(error)
        _find(tree, "$", found)
        if found:
            return found[0]
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: invalid byte {error.object[error.start]:#04x}"
    text = str(error)
    if "Number out of range" in text:
        return text.replace("Number out of range", "number out of range (not finite)")
    return text


class _NonFinite(str):
    """Marks what ``json`` read as NaN or Infinity, so that text with the same letters isn't taken for it."""

    __slots__ = ()


def _find(node: object, path: str, found: list[str]) -> None:
    if isinstance(node, _NonFinite):
        found.append(f"non-finite number {node} - at `{path}`")
    elif isinstance(node, dict):
        for key, item in node.items():
            _find(item, f"{path}.{key}", found)
    elif isinstance(node, list):
        for n, item in enumerate(node):
            _find(item, f"{path}[{n}]", found)
