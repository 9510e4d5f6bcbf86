"""Messages that nobody can read, at every place of a batch: each is kept, and each neighbour is judged."""

from __future__ import annotations

import json
from collections.abc import Callable

from aiokafka import AIOKafkaProducer, TopicPartition

from tests.chaos.ground import Ground
from tests.chaos.report import Row
from tests.chaos.site import Site, site
from tests.chaos.stories import Event, Run, sudden

BATCH = 8
MOST_BYTES = 1 << 20  # max_event_bytes, as shipped
ROOM = MOST_BYTES + 65_536  # what the topic takes


def _said(event: Event, **instead: object) -> bytes:
    return json.dumps(event | instead).encode()


POISON: dict[str, Callable[[Event], bytes | None]] = {
    "no JSON": lambda event: b"\xff\xfe{not json",
    "cut off": lambda event: _said(event)[:-5],
    "wrong type": lambda event: _said(event, time="yesterday"),
    "no run": lambda event: _said({name: value for name, value in event.items() if name != "run_id"}),
    "NaN": lambda event: _said(event, time=float("nan")),
    "infinite": lambda event: _said(event, kind="metric", name="loss", value=float("inf")),
    "nested too deep": lambda event: _said(event).replace(b'"rm -rf /home"', b"[" * 200 + b"]" * 200),
    "oversized": lambda event: _said(event, arguments={"command": "x" * (MOST_BYTES + 1)}),
    "null": lambda event: None,
    "empty": lambda event: b"",
}


async def at_every_place(ground: Ground, *, kinds: tuple[str, ...] = tuple(POISON)) -> Row:
    """Batches of eight in one produce request, so in one fetch: one is poison, the others are doomed runs."""
    async with site(ground, "poison at every place") as here:
        batches = [(kind, place) for kind in kinds for place in range(BATCH)]
        # Half lie there before the worker starts and come in large fetches, half come one by one.
        options = {"bootstrap_servers": here.told["KILLCORD_BROKERS"].split(","), "acks": "all"}
        async with AIOKafkaProducer(**options, max_batch_size=ROOM, max_request_size=ROOM) as producer:
            for n, (kind, place) in enumerate(batches[::2]):
                await publish(here, producer, f"early{n}", kind, place)
            await here.worker().ready()
            for n, (kind, place) in enumerate(batches[1::2]):
                await publish(here, producer, f"late{n}", kind, place)
        return await here.verdict(told={("destructive.wide", run, event) for run, event in here.fatal.items()})


async def publish(here: Site, producer: AIOKafkaProducer, name: str, kind: str, place: int) -> None:
    """One batch, whole, in the partition of the first run; all of its runs are in that one."""
    runs = _neighbours(here, name)
    partition = here.switch.partition_of(runs[0].id)
    batch = producer.create_batch()
    for n, run in enumerate(runs):
        (event,) = sudden(run)
        value: bytes | None = POISON[kind](event) if n == place else _said(event)
        if n != place:
            here.fatal[run.id] = event["id"]
        assert batch.append(key=run.id.encode(), value=value, timestamp=None) is not None, "the batch is full"
    batch.close()
    where = await (await producer.send_batch(batch, here.topic("events"), partition=partition))
    assert TopicPartition(where.topic, where.partition) == TopicPartition(here.topic("events"), partition)
    here.poison.add((partition, where.offset + place))


def _neighbours(here: Site, name: str) -> list[Run]:
    """As many runs as a batch holds, all of one partition."""
    found: dict[int, list[Run]] = {}
    n = 0
    while True:
        run = Run(f"{name}-{n}", f"team-{n % 7}")
        n += 1
        same = found.setdefault(here.switch.partition_of(run.id), [])
        same.append(run)
        if len(same) == BATCH:
            return same
