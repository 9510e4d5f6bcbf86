"""Rollups leave together, each until Kafka has it, and none twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from detectors.rollup import Rollup
from monitor.metrics import Metrics
from monitor.topics import Names
from monitor.worker.outbox import GATHER_S, MOST_GATHERED, MOST_UNDER_WAY, Outbox
from monitor.worker.producer import Sent
from monitor.worker.record import Record


class Kafka:
    """Takes what it is handed: by handing over, the errors of its batches, None for one that it takes."""

    def __init__(self, *answers: Exception | list[Exception | None]) -> None:
        self.answers = list(answers)
        self.handed: list[list[str]] = []
        self.has: list[str] = []
        self.held = asyncio.Event()
        self.held.set()
        self.taking = asyncio.Event()

    async def send_together(self, records: Sequence[Record]) -> list[Sent]:
        keys = [(record.key or b"").decode() for record in records]
        self.handed.append(keys)
        answer = self.answers.pop(0) if self.answers else [None]
        if isinstance(answer, Exception):
            raise answer
        return [
            Sent(self.taken(error, list(records[n :: len(answer)])), list(records[n :: len(answer)]))
            for n, error in enumerate(answer)
        ]

    async def taken(self, error: Exception | None, records: list[Record]) -> None:
        self.taking.set()
        await self.held.wait()
        if error is not None:
            raise error
        self.has += [(record.key or b"").decode() for record in records]


def rollup(key: str) -> Rollup:
    return Rollup(id=key, scope="agent_name", target=key, run_id="r", event_id="e", time=1.0, partition=0, offset=1)


def outbox(kafka: Kafka) -> Outbox:
    return Outbox(Names.of("t"), None, kafka.send_together, Metrics())  # type: ignore[arg-type]


async def test_they_wait_for_each_other_and_not_for_long() -> None:
    kafka = Kafka()
    out = outbox(kafka)
    for key in "abc":
        out.rollup(rollup(key))
    assert kafka.handed == []
    async with asyncio.timeout(100 * GATHER_S):
        await kafka.taking.wait()
    assert [len(keys) for keys in kafka.handed] == [3]


async def test_many_leave_at_once() -> None:
    kafka = Kafka()
    out = outbox(kafka)
    for n in range(MOST_GATHERED):
        out.rollup(rollup(str(n)))
    await out.settled(out.under_way())
    assert [len(keys) for keys in kafka.handed] == [MOST_GATHERED]


async def test_a_checkpoint_waits_for_those_that_still_wait() -> None:
    kafka = Kafka()
    out = outbox(kafka)
    out.rollup(rollup("a"))
    await out.settled(out.under_way())
    assert len(kafka.has) == 1


@pytest.mark.parametrize("error", [KafkaConnectionError("gone"), RuntimeError("of another kind")])
async def test_what_was_not_taken_is_handed_over_again_and_nothing_else(error: Exception) -> None:
    kafka = Kafka(error, [None, error, None], [None])
    out = outbox(kafka)
    for key in "abcdef":
        out.rollup(rollup(key))
    await out.settled(out.under_way())
    assert [len(keys) for keys in kafka.handed] == [6, 6, 2]
    assert sorted(kafka.has) == sorted(kafka.handed[0])
    assert out.refused is None


async def test_of_a_batch_that_is_too_large_only_what_is_too_large_is_given_up() -> None:
    kafka = Kafka([MessageSizeTooLargeError()])

    async def send(record: Record, command: bool) -> Awaitable[None]:
        key = (record.key or b"").decode()
        if key.endswith("huge"):
            raise MessageSizeTooLargeError
        return kafka.taken(None, [record])

    out = Outbox(Names.of("t"), send, kafka.send_together, Metrics())
    for key in ("a", "huge", "b"):
        out.rollup(rollup(key))
    await out.settled(out.under_way())
    assert len(kafka.handed) == 1
    assert kafka.has == ["agent_name:a", "agent_name:b"]


async def test_later_ones_are_handed_over_after_earlier_ones() -> None:
    kafka = Kafka()
    slow = asyncio.Event()
    out = outbox(kafka)
    take = out._send_together

    async def waits(records: Sequence[Record]) -> list[Sent]:
        if records[0].key == b"agent_name:a":
            await slow.wait()
        return await take(records)

    out._send_together = waits
    out.rollup(rollup("a"))
    first = out.under_way()
    await asyncio.sleep(0)
    out.rollup(rollup("b"))
    both = out.under_way()
    assert len(both) == 2
    await asyncio.sleep(GATHER_S)
    slow.set()
    await out.settled(first | both)
    assert kafka.has == ["agent_name:a", "agent_name:b"]


async def test_they_count_as_under_way() -> None:
    kafka = Kafka()
    kafka.held.clear()
    out = outbox(kafka)
    for n in range(MOST_UNDER_WAY + MOST_GATHERED):
        out.rollup(rollup(str(n)))
    await asyncio.sleep(0)
    assert out.full
    kafka.held.set()
    await out.settled(out.under_way())
    assert not out.full
