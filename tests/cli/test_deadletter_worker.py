"""From a real worker's dead letters back onto the topic: it buries what it cannot decode, and goes on."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from monitor.client.reader import consumer, partitions_of, read_to_end
from monitor.settings import Settings, aiokafka_options, environment
from monitor.topics import Names

KILLCORD = Path(sys.executable).with_name("killcord")
LARGE = json.dumps(
    {"kind": "message", "time": 1, "run_id": "r", "agent_name": "coder", "role": "user", "text": "x" * 2000}
).encode()
BROKEN = b'{"kind":"heartbeat","time":"soon","run_id":"r"}'
FINISHED = b'{"kind":"run.finished","time":2,"run_id":"r","agent_name":"coder"}'


def env_of(settings: Settings) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    return clean | environment(settings)


async def killcord(settings: Settings, *arguments: str) -> tuple[int | None, list[dict[str, Any]], str]:
    done = await asyncio.create_subprocess_exec(
        KILLCORD, "deadletter", *arguments, "--json", env=env_of(settings), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await asyncio.wait_for(done.communicate(), 60)
    return done.returncode, [json.loads(line) for line in said.splitlines()], errors.decode()


@pytest.fixture
async def worker(kafka_topics: Settings, tmp_path: Path) -> AsyncIterator[Settings]:
    """A worker that takes events of up to 1 KiB."""
    small = replace(kafka_topics, max_event_bytes=1024)
    with (tmp_path / "worker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            KILLCORD, "worker", env=env_of(small), stdout=log, stderr=log, cwd=tmp_path
        )
        yield small
        try:
            assert process.returncode is None, (tmp_path / "worker.log").read_text()
            process.terminate()
            await asyncio.wait_for(process.wait(), 60)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def wait_for_letters(settings: Settings, count: int) -> list[dict[str, Any]]:
    end = time.monotonic() + 60
    while True:
        _, rows, errors = await killcord(settings, "list")
        if len(rows) >= count:
            return rows
        assert time.monotonic() < end, errors


async def test_buried_listed_and_put_back_under_a_higher_limit(worker: Settings) -> None:
    names = Names.of(worker.topic_prefix)
    async with AIOKafkaProducer(**aiokafka_options(worker), acks="all") as producer:
        first = await producer.send_and_wait(names.events, LARGE, key=b"r")
        for value in (BROKEN, FINISHED):
            await producer.send_and_wait(names.events, value, key=b"r")
        await producer.send_and_wait(names.operator, b"[]", key=b"r")
    rows = await wait_for_letters(worker, 3)
    told = {row["value"][:40]: (row["source"]["topic"], row["reason"]) for row in rows}
    assert told[LARGE.decode()[:40]][1].startswith(f"message of {len(LARGE)} bytes is over the limit of 1024")
    assert told[BROKEN.decode()[:40]] == (names.events, "Expected `float`, got `str` - at `$.time`")
    assert told["[]"][0] == names.operator
    large = next(row for row in rows if row["size"] == len(LARGE))
    assert large["source"] == {"topic": names.events, "partition": first.partition, "offset": first.offset}
    status, done, _ = await killcord(replace(worker, max_event_bytes=2**20), "replay", "--all", "--yes")
    assert (status, sorted(row["done"] for row in done)) == (1, ["kept", "kept", "put back"])
    async with consumer(worker) as reader:
        places = dict.fromkeys(await partitions_of(reader, [names.events]), 0)
        held = [(record.partition, record.value) async for record in read_to_end(reader, places)]
        rollups = dict.fromkeys(await partitions_of(reader, [names.rollups]), 0)
        went_on: set[bytes | None] = set()
        end = time.monotonic() + 60
        while b"agent_name:coder" not in went_on and time.monotonic() < end:
            went_on |= {record.key async for record in read_to_end(reader, rollups)}
    assert held == [(first.partition, value) for value in (LARGE, BROKEN, FINISHED, LARGE)]
    assert b"agent_name:coder" in went_on, "the events after the broken ones were judged"
