"""An event as bytes that the other side can decode, whatever an agent put into it. Pure."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec

from detectors.event import Event
from monitor.decode import Decoded, Undecodable, decode

OUTPUT_BYTES = 65_536
"""How much of a tool's output goes along; its whole length and its SHA-256 always do."""
TEXT_CHARACTERS = 16_384
"""How much is kept of each text in an event that would else be too large."""
DEPTH = 48  # what the decoder takes is 64, the event itself included


class Unfit(ValueError):
    """An event that cannot be told: says which value, and where."""


def encode(event: Event, limit: int) -> bytes:
    """``limit`` in bytes. Texts of what is larger are cut. Raises Unfit, and nothing else."""
    return encoded(event, limit)[0]


def encoded(event: Event, limit: int) -> tuple[bytes, Decoded]:
    """The same, with what the worker's decoder reads in it."""
    try:
        for name in event.__struct_fields__:
            item = getattr(event, name)
            if item is not None and not isinstance(item, (str, int)):
                _check(item, f"{event.kind}.{name}", 1)
        value = _json(event)
        if len(value) <= limit:
            return _accepted(event, value, limit)
        value = _json(_cut(event))
    except Unfit:
        raise
    except Exception as error:  # whatever an agent's own objects raise must not break the agent
        raise Unfit(f"{event.kind}: {type(error).__name__}: {error}") from error
    return _accepted(event, value, limit)


def _accepted(event: Event, value: bytes, limit: int) -> tuple[bytes, Decoded]:
    """What the worker's own decoder takes: a wrong type is told here, not in a dead letter."""
    read = decode(value, limit)
    if isinstance(read, Undecodable):
        raise Unfit(f"{event.kind}: {read.reason}")
    return value, read


def cut_output(output: str | bytes) -> tuple[str, int, str]:
    """(the first of it, bytes of the whole, SHA-256 of the whole)."""
    whole = output.encode("utf-8", "replace") if isinstance(output, str) else bytes(output)
    kept = whole[:OUTPUT_BYTES].decode("utf-8", "ignore" if len(whole) > OUTPUT_BYTES else "replace")
    return kept, len(whole), hashlib.sha256(whole).hexdigest()


def _json(event: Event) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=str)
    except UnicodeEncodeError:  # half a surrogate pair: how Python reads names of files that are not UTF-8
        return msgspec.json.encode(_mapped(event, _whole), enc_hook=str)


def _check(node: Any, place: str, depth: int) -> None:
    """JSON has no NaN; msgspec would write null in its place, and a lie."""
    if isinstance(node, float):
        if not math.isfinite(node):
            raise Unfit(f"{place}: {node} is not a finite number")
    elif isinstance(node, dict):
        if depth > DEPTH:
            raise Unfit(f"{place[:80]}…: nested deeper than {DEPTH}")
        for key, item in node.items():
            if not isinstance(item, str):
                _check(item, f"{place}.{key}", depth + 1)
    elif isinstance(node, (list, tuple, set, frozenset)):
        if depth > DEPTH:
            raise Unfit(f"{place[:80]}…: nested deeper than {DEPTH}")
        for item in node:
            if not isinstance(item, str):
                _check(item, f"{place}[]", depth + 1)


def _cut(event: Event) -> Event:
    return _mapped(event, _shorter)


def _mapped(event: Event, text: Any) -> Event:
    fields = {name: _walk(value, text) for name, value in msgspec.structs.asdict(event).items()}
    return msgspec.structs.replace(event, **fields)


def _walk(node: Any, text: Any) -> Any:
    if isinstance(node, str):
        return text(node)
    if isinstance(node, dict):
        return {_walk(key, text): _walk(item, text) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_walk(item, text) for item in node]
    return node


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _shorter(text: str) -> str:
    if len(text) <= TEXT_CHARACTERS:
        return text
    return f"{text[:TEXT_CHARACTERS]}… [{len(text) - TEXT_CHARACTERS} characters cut]"


