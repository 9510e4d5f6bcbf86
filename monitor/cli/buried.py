"""Dead letters as the topic holds them: read back, judged again, and put back where they came from."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from msgspec import Struct

from detectors.rollup import Rollup
from monitor.client.reader import partitions_of, read_to_end, since
from monitor.decode import Undecodable, decode
from monitor.messages import Ack, OperatorDecision
from monitor.settings import Settings
from monitor.topics import Names

EXCERPT = 120  # bytes of the value that a list shows


class NotFoundError(LookupError):
    """No dead letter lies there. Says what does."""


class Source(Struct, frozen=True):
    """Where a message lay that could not be decoded."""

    topic: str
    partition: int
    offset: int


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One dead letter. time: Unix seconds when it was buried. source: None if its headers do not say (then Killcord
    did not write it). size: bytes of the value."""

    partition: int
    offset: int
    time: float
    source: Source | None
    reason: str
    key: bytes | None
    size: int
    value: bytes

    @property
    def place(self) -> str:
        return f"{self.partition}:{self.offset}"

    def brief(self) -> DeadLetter:
        """With the beginning of the value only: a list of large ones must not fill the memory."""
        return msgspec.structs.replace(self, value=self.value[:EXCERPT])

    def as_dict(self) -> dict[str, Any]:
        """For JSON. What is not UTF-8 shows with replacement characters; ``show --raw`` has the bytes."""
        key = None if self.key is None else self.key.decode("utf-8", "replace")
        source = None if self.source is None else msgspec.to_builtins(self.source)
        value = self.value.decode("utf-8", "replace")
        return {
            "place": self.place, "time": self.time, "source": source, "reason": self.reason, "key": key,
            "size": self.size, "value": value,
        }  # fmt: skip


def dead_letter(record: ConsumerRecord) -> DeadLetter:
    headers = {name: bytes(value or b"").decode("utf-8", "replace") for name, value in record.headers or ()}
    value = record.value or b""
    return DeadLetter(
        partition=record.partition, offset=record.offset, time=record.timestamp / 1000, source=_source(headers),
        reason=headers.get("reason", "no reason given"), key=record.key, size=len(value), value=value,
    )  # fmt: skip


def _source(headers: dict[str, str]) -> Source | None:
    try:
        return Source(headers["topic"], int(headers["partition"]), int(headers["offset"]))
    except (KeyError, ValueError):
        return None


async def read(reader: AIOKafkaConsumer, names: Names, start: float | None) -> AsyncIterator[DeadLetter]:
    """Those since ``start`` (Unix seconds; None: all), up to what is the end now."""
    partitions = await partitions_of(reader, [names.deadletter])
    if start is None:
        positions = dict(await reader.beginning_offsets(partitions))
    else:
        positions = await since(reader, partitions, start)
    async for record in read_to_end(reader, positions):
        yield dead_letter(record)


async def newest(letters: AsyncIterator[DeadLetter], limit: int) -> list[DeadLetter]:
    """The last of each partition, and of them the ``limit`` that were buried last; oldest first."""
    last: dict[int, deque[DeadLetter]] = {}
    async for letter in letters:
        last.setdefault(letter.partition, deque(maxlen=limit)).append(letter.brief())
    found = sorted((letter for kept in last.values() for letter in kept), key=lambda letter: letter.time)
    return found[-limit:]


async def one(reader: AIOKafkaConsumer, names: Names, partition: int, offset: int) -> DeadLetter:
    """The dead letter at a place. Raises NotFoundError."""
    partitions = await partitions_of(reader, [names.deadletter])
    place = TopicPartition(names.deadletter, partition)
    if place not in partitions:
        raise NotFoundError(f"{partition}:{offset}: {names.deadletter} has partitions 0 to {len(partitions) - 1}")
    begin, end = (await reader.beginning_offsets([place]))[place], (await reader.end_offsets([place]))[place]
    if begin <= offset < end:
        async for record in read_to_end(reader, {place: offset}, {place: offset + 1}):
            return dead_letter(record)
    held = f"offsets {begin} to {end - 1}" if begin < end else "nothing"
    raise NotFoundError(f"{partition}:{offset}: partition {partition} of {names.deadletter} holds {held}")


def why_not(letter: DeadLetter, names: Names, settings: Settings) -> str | None:
    """Why this message would be buried again, or None if it can be decoded now."""
    assert letter.source is not None
    if letter.source.topic == names.events:
        decoded = decode(letter.value, settings.max_event_bytes)
        return decoded.reason if isinstance(decoded, Undecodable) else None
    try:
        msgspec.json.decode(letter.value, type=_inputs(names)[letter.source.topic])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return str(error) or type(error).__name__
    return None


def known(letter: DeadLetter, names: Names) -> bool:
    """Whether it came from a topic that Killcord reads. Nothing is written to any other, whatever its headers say."""
    return letter.source is not None and letter.source.topic in {names.events, *_inputs(names)}


def _inputs(names: Names) -> dict[str, type[Any]]:
    return {names.acks: Ack, names.operator: OperatorDecision, names.rollups: Rollup}


async def put_back(producer: AIOKafkaProducer, names: Names, letter: DeadLetter) -> tuple[int, int]:
    """The original bytes under the original key. Returns (partition, offset) of where they lie now.

    The partition is the one that murmur2 gives for the key. What was written to a partition by number goes back to it:
    an acknowledgement, and what has no key. Raises NotFoundError if that partition is no more, and Kafka's errors.
    """
    source = letter.source
    assert source is not None
    by_number = letter.key is None or source.topic == names.acks
    if by_number and source.partition not in await producer.partitions_for(source.topic):
        raise NotFoundError(f"{source.topic} has no partition {source.partition}")
    sent = await producer.send_and_wait(
        source.topic, letter.value, key=letter.key, partition=source.partition if by_number else None
    )
    return sent.partition, sent.offset


def places(texts: Iterable[str]) -> list[tuple[int, int]]:
    """``3:17`` as (partition, offset). Raises ValueError for what is none."""
    found = []
    for text in texts:
        partition, colon, offset = text.partition(":")
        if not colon or not partition.isdecimal() or not offset.isdecimal():
            raise ValueError(f"{text!r} is no place: give PARTITION:OFFSET, such as 3:17, as `list` shows it")
        found.append((int(partition), int(offset)))
    return found
