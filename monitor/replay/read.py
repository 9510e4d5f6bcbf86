"""Recorded runs as events. A reader is one function and one line in `READERS`.

A reader is asked with a file's first line whether the file is its; it gives one `Batch` for each message, in order,
or a `Problem` for what it cannot read, and goes on.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from detectors.event import Event
from monitor.decode import MAX_EVENT_BYTES, Undecodable, decode
from monitor.replay.mini_swe_agent import Row, events_of


class Batch(NamedTuple):
    """The events of one message, all of one run. ``offset``: the line, from 0."""

    offset: int
    run_id: str
    events: list[Event]


class Problem(NamedTuple):
    """A line that is no event, and why."""

    offset: int
    reason: str


class Unknown(NamedTuple):
    """Events of kinds that this version doesn't know."""

    events: int


class Reader(NamedTuple):
    """``recognises``: is this the first line of such a file? ``read``: the file's lines to events."""

    name: str
    description: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Iterable[bytes]], Iterator[Batch | Problem | Unknown]]


def _events(lines: Iterable[bytes]) -> Iterator[Batch | Problem | Unknown]:
    """A message a line. A file may also be one JSON array, on one line or many, of any runs."""
    rows = enumerate(lines)
    for offset, line in rows:
        line = line.removeprefix(codecs.BOM_UTF8) if offset == 0 else line
        if not line.strip():
            continue
        if line.lstrip()[:1] == b"[":
            yield from _array(offset, line, rows)
        else:
            yield from _message(offset, line)


def _message(offset: int, value: bytes) -> Iterator[Batch | Problem | Unknown]:
    decoded = decode(value, MAX_EVENT_BYTES)
    if isinstance(decoded, Undecodable):
        yield Problem(offset, decoded.reason)
        return
    if decoded.unknown:
        yield Unknown(decoded.unknown)
    if decoded.events:
        yield Batch(offset, decoded.run_id, decoded.events)


def _array(offset: int, first: bytes, rest: Iterator[tuple[int, bytes]]) -> Iterator[Batch | Problem | Unknown]:
    """The events of an array that begins on this line; what is after its end is read on as lines."""
    try:
        items = _items.decode(first)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if first.rstrip().endswith(b"]"):  # it ends here, so what comes next is read on its own
            yield from _message(offset, first)
            return
        whole = first + b"".join(line for _, line in rest)
        try:
            items = _items.decode(whole)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            yield Problem(offset, f"an array that cannot be read: {error}")
            return
    for item in items:
        yield from _message(offset, bytes(item))


_items = msgspec.json.Decoder(list[msgspec.Raw])
_row = msgspec.json.Decoder(Row)


def _mini_swe_agent(lines: Iterable[bytes]) -> Iterator[Batch | Problem]:
    for offset, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            row = _row.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            yield Problem(offset, str(error))
            continue
        # One batch an event: a message's events would share one place in the time line.
        for event in events_of(row):
            yield Batch(offset, event.run_id, [event])


def _has(*keys: str) -> Callable[[bytes], bool]:
    def recognises(line: bytes) -> bool:
        try:
            row = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        return all(key in row for key in keys)

    return recognises


READERS: tuple[Reader, ...] = (
    Reader("mini-swe-agent", "trajectories of mini-swe-agent, one run a line", _has("run", "steps"), _mini_swe_agent),
    Reader("events", "Killcord's own events: NDJSON, a message a line", lambda line: True, _events),
)


def reader_for(first_line: bytes, name: str | None = None) -> Reader:
    """The reader of that name, else the first that recognises the line. Raises KeyError for an unknown name."""
    if name is not None:
        return {reader.name: reader for reader in READERS}[name]
    return next(reader for reader in READERS if reader.recognises(first_line))
