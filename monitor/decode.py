"""From the bytes of one Kafka message to the events in it, or the reason why not.

A message is one JSON event, a JSON array of events, or NDJSON. All of its events belong to one run. What cannot be
decoded is described, never raised: the caller sends it to the dead-letter topic and goes on.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
from msgspec import Struct

from detectors.event import AnyEvent, Event, ToolCall, UnknownEvent

MAX_EVENT_BYTES = 1 << 20
MAX_DEPTH = 64  # nested arrays and objects; real arguments stay below 20
MAX_EVENTS = 10_000

_event = msgspec.json.Decoder(AnyEvent)
_events = msgspec.json.Decoder(list[AnyEvent])
_unknown = msgspec.json.Decoder(UnknownEvent)
_raw_items = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = ord("{")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ALIKE = bytes.maketrans(b"{}", b"[]")


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
    if value[0] == _OBJECT:
        try:
            event = _event.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError):
            pass  # said below
        else:
            if event.id and (type(event) is not ToolCall or _flat(event.arguments)):
                return Decoded(event.run_id, [event])
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH and nesting(value) > MAX_DEPTH:
        return Undecodable(f"nested too deep, over the limit of {MAX_DEPTH}")
    try:
        return _together(_parse(value), value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        return Undecodable(_reason(value, error))


def _flat(arguments: dict[str, Any] | str | None) -> bool:
    """Whether nothing is nested in a tool's arguments, as in most: of all fields these alone may nest at will."""
    if type(arguments) is dict:
        for value in arguments.values():
            kind = type(value)
            if kind is dict or kind is list:
                return False
    return True


def _parse(value: bytes) -> list[Event | UnknownEvent]:
    head = value.lstrip()[:1]
    if head == b"[":
        try:
            return list(_events.decode(value))
        except msgspec.ValidationError:
            items = _raw_items.decode(value)
            _check_count(len(items))
            return [_one(bytes(item), f"$[{n}]") for n, item in enumerate(items)]
    try:
        return [_event.decode(value)]
    except msgspec.DecodeError as error:
        # The first line of several may be of a kind that is not known, which is said before what follows it is read.
        lines = _lines(value)
        if len(lines) > 1:
            return [_one(line, f"line {n}: $") for n, line in enumerate(lines, start=1)]
        if isinstance(error, msgspec.ValidationError):
            return [_one(value, "$")]
        raise


def _lines(value: bytes) -> list[bytes]:
    """NDJSON's lines; one, where the line breaks are those of a single event written over several."""
    lines = [line for line in value.splitlines() if line.strip()]
    if len(lines) > 1 and not (lines[0].rstrip().endswith(b"}") and lines[1].lstrip().startswith(b"{")):
        return [value]
    _check_count(len(lines))
    return lines


def _check_count(events: int) -> None:
    if events > MAX_EVENTS:
        raise ValueError(f"{events} events in one message, over the limit of {MAX_EVENTS}")


def _one(value: bytes, place: str) -> Event | UnknownEvent:
    try:
        event: Event = _event.decode(value)
        return event
    except msgspec.DecodeError as error:
        if str(error).endswith("at `$.kind`") and "Invalid value" in str(error):
            unknown: UnknownEvent = _unknown.decode(value)
            return unknown
        if place == "$":
            raise
        raise ValueError(_placed(_reason(value, error), place)) from error


def _placed(reason: str, place: str) -> str:
    """``reason`` with its path moved below ``place``, so that it says which of several events is at fault."""
    if "`$" in reason:
        return reason.replace("`$", f"`{place}", 1)
    return f"{reason} - at `{place}`"


def _together(parsed: list[Event | UnknownEvent], value: bytes) -> Decoded | Undecodable:
    _check_count(len(parsed))
    if not parsed:
        return Undecodable("empty array: a message holds at least one event")
    runs = {event.run_id for event in parsed}
    if len(runs) > 1:
        first, second = sorted(runs)[:2]
        return Undecodable(f"several runs in one message: `run_id` is {first!r} and {second!r}; send one message a run")
    events = [event for event in parsed if isinstance(event, Event)]
    whole = None
    for n, event in enumerate(events):
        if not event.id:
            whole = whole or hashlib.sha256(value)
            event.id = _derived_id(whole, n)
    return Decoded(runs.pop(), events, len(parsed) - len(events))


def _derived_id(whole: hashlib._Hash, n: int) -> str:
    """From the hash of the message and the event's place in it: the message is read once, however many are in it."""
    one = whole.copy()
    one.update(n.to_bytes(4, "big"))
    return one.hexdigest()[:16]


def nesting(value: bytes) -> int:
    """How deep the arrays and objects of a JSON text are nested; beyond `MAX_DEPTH`, that it is deeper.

    Linear on whatever comes: strings are cut away, then the innermost pairs, again and again.
    """
    unescaped = value.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = b"".join(unescaped.split(b'"')[::2]).translate(_ALIKE, _NO_BRACKETS)
    depth = 0
    while depth <= MAX_DEPTH and b"[]" in left:
        left = left.replace(b"[]", b"")
        depth += 1
    return min(depth + left.count(b"["), MAX_DEPTH + 1)


def _reason(value: bytes, error: Exception) -> str:
    """msgspec's words, and for a number that JSON has no form for, which one and where."""
    if isinstance(error, RecursionError):
        return f"nested too deep, over the limit of {MAX_DEPTH}"
    if not isinstance(error, msgspec.ValidationError) and isinstance(error, msgspec.DecodeError):
        try:
            tree = json.loads(value, parse_constant=_NonFinite)
        except (ValueError, RecursionError):
            return str(error)
        if (found := _find(tree, "$")) is not None:
            return found
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: invalid byte {error.object[error.start]:#04x}"
    text = str(error)
    if "Number out of range" in text:
        return text.replace("Number out of range", "number out of range (not finite)")
    return text


class _NonFinite(str):
    """Marks what ``json`` read as NaN or Infinity, so that text with the same letters isn't taken for it."""

    __slots__ = ()


def _find(node: object, path: str) -> str | None:
    """The first number that JSON has no form for, and where."""
    if isinstance(node, _NonFinite):
        return f"non-finite number {node} - at `{path}`"
    if isinstance(node, dict):
        for key, item in node.items():
            if isinstance(item, _LOOKED_INTO) and (found := _find(item, f"{path}.{key}")) is not None:
                return found
    elif isinstance(node, list):
        for n, item in enumerate(node):
            if isinstance(item, _LOOKED_INTO) and (found := _find(item, f"{path}[{n}]")) is not None:
                return found
    return None


_LOOKED_INTO = (_NonFinite, dict, list)
