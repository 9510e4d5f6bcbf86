"""The short, fixed part of `make chaos`: what proves most, in less than three minutes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.chaos import brokers, crashes, gaps, hostile, poison, rebalances, suspended
from tests.chaos.ground import Ground
from tests.chaos.report import Row
from tests.conftest import StartKafka

RATE = 250.0

SHORT: dict[str, Callable[[Ground], Awaitable[Row]]] = {
    "sigkill": lambda ground: crashes.killed(ground, kills=5, rate=RATE),
    "sigstop": lambda ground: suspended.suspended(ground, rounds=1, rate=RATE),
    "join and leave": lambda ground: rebalances.join_and_leave(ground, rate=RATE),
    "broker": lambda ground: brokers.restarted(ground, rounds=1, rate=RATE),
    "poison": lambda ground: poison.at_every_place(ground),
    "disorder": lambda ground: hostile.out_of_order(ground, seconds=6.0, rate=RATE),
    "partitioner": lambda ground: hostile.another_partitioner(ground, runs=40),
    "gap": lambda ground: gaps.unacknowledged(ground, kill=False, held_s=1.0),
}


@pytest.fixture
def ground(kafka: tuple[str, ...], start_kafka: StartKafka, tmp_path: Path) -> Ground:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it reports every broker that we kill
    return Ground(tmp_path, lambda: kafka, start_kafka)


@pytest.mark.parametrize("name", SHORT)
async def test_nothing_is_lost_and_nothing_comes_twice(name: str, ground: Ground) -> None:
    row = await asyncio.wait_for(SHORT[name](ground), 280)
    row.held()


