"""Asks Kafka itself: who has which partition of the event topic, how far they are committed, and where they end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError, for_code

from monitor.client.connection import quiet
from monitor.client.reader import partitions_of
from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names
from monitor.watchdog.coverage import Look


class Probe:
    """Keeps its connections between looks; one that fails has them made anew. Raises what `UNREACHABLE` lists."""

    def __init__(self, settings: Settings, within_s: float) -> None:
        self._settings = settings
        self._within_s = within_s
        self._topic = Names.of(settings.topic_prefix).events
        self._admin: AIOKafkaAdminClient | None = None
        self._reader: AIOKafkaConsumer | None = None

    async def look(self) -> Look:
        try:
            async with asyncio.timeout(self._within_s):
                return await self._look()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        reader, self._reader = self._reader, None
        for closing in (admin and admin.close(), reader and reader.stop()):
            if closing is not None:
                with suppress(KafkaError, OSError, TimeoutError):
                    await asyncio.wait_for(closing, 1.0)

    async def _look(self) -> Look:
        if self._admin is None:
            quiet()
            options = aiokafka_options(self._settings)
            options["request_timeout_ms"] = min(options["request_timeout_ms"], round(self._within_s * 1000))
            self._admin, self._reader = AIOKafkaAdminClient(**options), AIOKafkaConsumer(**options)
            await asyncio.gather(self._admin.start(), self._reader.start())
        assert self._reader is not None
        places = await partitions_of(self._reader, [self._topic])
        group = self._settings.app_id
        ends = await self._reader.end_offsets(places)
        begins = await self._reader.beginning_offsets(places)
        state, held = _held(await self._admin.describe_consumer_groups([group]), self._topic)
        stored = await self._admin.list_consumer_group_offsets(group, partitions=places)
        committed = {place: stored[place].offset if place in stored else -1 for place in places}
        return Look(
            held=held,
            # Where nothing was committed, everything that is still there is to be judged.
            committed={place.partition: max(committed[place], begins[place]) for place in places},
            ends={place.partition: ends[place] for place in places},
            state=state,
        )


def _held(answers: list[Any], topic: str) -> tuple[str, frozenset[int]]:
    """(state, partitions of the topic that members have)."""
    held: set[int] = set()
    state = "Dead"
    for answer in answers:
        for group in answer.to_object()["groups"]:
            if group["error_code"]:
                raise for_code(group["error_code"])(group["group"])
            state = group["state"]
            for member in group["members"]:
                if member["member_assignment"]:
                    assigned = ConsumerProtocolMemberAssignment.decode(member["member_assignment"])
                    held |= {place.partition for place in assigned.partitions() if place.topic == topic}
    return state, frozenset(held)
