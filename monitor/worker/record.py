"""One Kafka record that the worker writes."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from detectors.rollup import Rollup


class Record(Struct, frozen=True):
    """value None is a tombstone. partition None: by murmur2 of the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def encode_rollup(rollup: Rollup) -> bytes:
    return msgspec.json.encode(rollup)


def dead_letter(
    to: str, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, reason: str
) -> Record:
    """The original key and bytes, with where they lay and why they are no message in the headers."""
    return Record(
        to,
        key,
        value if value is not None else b"",
        headers=(
            ("topic", topic.encode()),
            ("partition", str(partition).encode()),
            ("offset", str(offset).encode()),
            ("reason", reason.encode("utf-8", "replace")[:2000]),
        ),
    )
