"""Cuts that do not end: whatever was in them is in the next, and no offset is released beyond a state nobody has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.types import TP

from monitor.metrics import Metrics
from monitor.topics import Names
from monitor.worker.checkpoint import Checkpoint
from monitor.worker.fence import Entries, Fenced
from monitor.worker.ledger import Ledger
from monitor.worker.outbox import Outbox
from monitor.worker.store import Store

EVENTS = TP("events", 0)


class Kafka:
    """What the checkpoint writes to: keeps what it took, and takes nothing while it is away."""

    generation = 1

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.there.set()
        self.states: dict[bytes, bytes | None] = {}
        self.released: dict[TP, int] = {}
        self.fences = False

    async def write(self, partition: int, changelogs: Mapping[str, Entries], generation: int) -> dict[str, int]:
        await self.there.wait()
        if self.fences:
            raise Fenced("another has it")
        for entries in changelogs.values():
            self.states.update(entries)
        return dict.fromkeys(changelogs, len(self.states))

    async def release(self, offsets: Mapping[TP, int]) -> None:
        self.released.update(offsets)


class Desk:
    def __init__(self, tmp_path: Path) -> None:
        app = faust.App("checkpoint", broker="kafka://", store="memory://", datadir=str(tmp_path))
        table = app.Table("runs")
        table._data = Store("killcord://", app, table)
        self.ledger: Ledger[list[int]] = Ledger(table, lambda key: [], bytes, list, lambda *corrupt: None)
        self.kafka = Kafka()
        outbox = Outbox(Names.of("t"), None, None, Metrics())  # type: ignore[arg-type]
        self.checkpoint = Checkpoint(
            [self.ledger], outbox, self.kafka, self.kafka.release, self.fenced, Metrics(), 1_000  # type: ignore[arg-type]
        )  # fmt: skip

    def fenced(self, partition: int) -> None:
        self.checkpoint.gave_up({partition})
        self.ledger.forget({partition}, True)

    def judge(self, run: str, offset: int) -> None:
        self.ledger.put(0, run, [offset])
        self.checkpoint.took(EVENTS, offset)


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def stuck(desk: Desk) -> asyncio.Task[Any]:
    """A cut that waits for Kafka."""
    desk.kafka.there.clear()
    desk.judge("a", 5)
    cut = asyncio.create_task(desk.checkpoint.cut())
    for _ in range(20):
        await asyncio.sleep(0)
    return cut


async def test_offsets_taken_after_a_cut_that_was_given_up_are_not_released(desk: Desk) -> None:
    cut = await stuck(desk)
    desk.judge("b", 9)
    desk.checkpoint.give_up()
    await cut
    desk.ledger.forget({0}, True)
    desk.kafka.there.set()
    await desk.checkpoint.cut()
    assert desk.kafka.released == {}


async def test_what_a_cut_had_that_was_given_up_is_in_the_next(desk: Desk) -> None:
    cut = await stuck(desk)
    desk.judge("b", 9)
    desk.checkpoint.give_up()
    await cut
    desk.kafka.there.set()
    desk.judge("c", 12)
    await desk.checkpoint.cut()
    assert desk.kafka.states == {b"a": bytes([5]), b"b": bytes([9]), b"c": bytes([12])}
    assert desk.kafka.released == {EVENTS: 13}


async def test_a_cut_ends_before_the_next_when_whoever_waited_for_it_is_cancelled(desk: Desk) -> None:
    cut = await stuck(desk)
    cut.cancel()
    await asyncio.wait({cut})
    desk.kafka.there.set()
    desk.judge("b", 9)
    await desk.checkpoint.cut()
    assert desk.kafka.states == {b"a": bytes([5]), b"b": bytes([9])}


async def test_nothing_of_a_fenced_partition_is_released(desk: Desk) -> None:
    desk.kafka.fences = True
    cut = await stuck(desk)
    desk.judge("b", 9)
    desk.kafka.there.set()
    await cut
    await desk.checkpoint.cut()
    assert (desk.kafka.released, desk.kafka.states) == ({}, {})
