"""A kill-switch of a few lines for the whole fleet: hears every command from the beginning, obeys once, proves it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from tests.chaos.load import Fleet, Place

_partition = DefaultPartitioner()


class Switch:
    """kills: command ids by run. repeats: commands that came again. first: when each run's first kill was appended.

    Assigned to all partitions of control, in no consumer group; half of the doomed runs register as watched.
    """

    def __init__(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, prefix: str, partitions: int) -> None:
        self._consumer, self._producer = consumer, producer
        self._acks, self._control = f"{prefix}.acks", f"{prefix}.control"
        self._partitions = list(range(partitions))
        self.fleets: list[Fleet] = []
        self.kills: dict[str, dict[str, dict[str, Any]]] = {}
        self.first: dict[str, Place] = {}
        self.others: list[dict[str, Any]] = []
        self.repeats = 0
        self.proven = 0
        self._seen: set[str] = set()

    async def obey(self) -> None:
        places = [TopicPartition(self._control, n) for n in self._partitions]
        self._consumer.assign(places)
        await self._consumer.seek_to_beginning(*places)
        async for record in self._consumer:
            await self._take(json.loads(record.value), Place(record.partition, record.offset, record.timestamp / 1000))

    async def register(self, fleet: Fleet) -> None:
        """Says ``watching`` of every run that is to be watched, as it begins."""
        while True:
            run = await fleet.born.get()
            await self._say(self.partition_of(run.id), run.id, "watching", None)

    def partition_of(self, run_id: str) -> int:
        """Where murmur2 puts a run's events."""
        return int(_partition(run_id.encode(), self._partitions, self._partitions))

    async def _take(self, command: dict[str, Any], place: Place) -> None:
        again = command["id"] in self._seen
        self._seen.add(command["id"])
        self.repeats += again
        if command["action"] != "kill":
            self.others += [] if again else [command]
            return
        run_id = command["run_id"]
        self.kills.setdefault(run_id, {})[command["id"]] = command
        self.first.setdefault(run_id, place)
        last_seq = next((seq for fleet in self.fleets if (seq := fleet.halt(run_id)) is not None), command["seq"])
        await self._say(command["partition"], run_id, "received", command["id"])
        after = None if last_seq is None or command["seq"] is None else max(0, last_seq - command["seq"])
        await self._say(
            command["partition"], run_id, "stopped", command["id"], last_seq=last_seq, actions_after=after
        )
        self.proven += not again

    async def _say(self, partition: int, run_id: str, status: str, command_id: str | None, **more: Any) -> None:
        ack = {"command_id": command_id, "run_id": run_id, "status": status, "time": time.time(), "last_seq": None,
               "actions_after": None, "detail": "", "consumer": "switch@chaos", **more}  # fmt: skip
        value = json.dumps(ack).encode()
        future = await self._producer.send(self._acks, value, key=run_id.encode(), partition=partition)
        future.add_done_callback(_looked_at)


def _looked_at(done: asyncio.Future[Any]) -> None:
    """A lost acknowledgement shows in the alerts; here it only must not be reported as forgotten."""
    if not done.cancelled():
        done.exception()
