"""Writes to the changelogs that only the owner of a partition can make.

A worker that was suspended for longer than its session, and comes back, still believes that its partitions are its own.
Each partition's states are therefore written by a transactional producer of that partition's: whoever is assigned the
partition starts it anew, from when on Kafka refuses the one before. Transactions are used for that alone.

The order that makes it safe: the producer is started, then Kafka is asked whether this worker is still in the group's
generation that gave it the partition, then it writes. A worker that is stopped between asking and writing meets the
fence of the next owner, which was started after that one was assigned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from monitor.client.connection import started
from monitor.settings import Settings, aiokafka_options
from monitor.worker.attempts import Attempts
from monitor.worker.producer import packed

log = structlog.get_logger("killcord.fence")

Entries: TypeAlias = Sequence[tuple[bytes, bytes | None]]
"""(key, value) of a changelog; a value of None is a tombstone."""

BATCH_BYTES = 512 * 1024
EXPELLED = -1


class Sent(NamedTuple):
    """A batch under way, and how many records are in it."""

    batch: Awaitable[RecordMetadata]
    records: int


class Fenced(RuntimeError):
    """The partition belongs to another worker: what this one knows of it is void."""


class FencedChangelogs:
    """The changelogs' producers of this worker, one a partition. On the embedded broker, where markers of transactions
    cannot be read and a second worker is none's concern, they are plain ones.

    Parameters: ``asks()`` gives the group's generation that Kafka counts this worker in now, `EXPELLED` where it
    is in none, None where Kafka does not answer. refused: why Kafka takes no states; None while it does.
    """

    def __init__(self, settings: Settings, asks: Callable[[], Awaitable[int | None]]) -> None:
        self._settings = settings
        self._asks = asks
        self._assigned_in = EXPELLED
        self._partitions: set[int] = set()
        self._producers: dict[int, AIOKafkaProducer] = {}
        self._proven: set[int] = set()
        self.refused: str | None = None

    @property
    def generation(self) -> int:
        """In which this worker's partitions were assigned."""
        return self._assigned_in

    async def assigned(self, partitions: Iterable[int], generation: int) -> None:
        """These partitions are this worker's, as of ``generation``. Returns once no other can write to them.

        A producer of the generation just before is kept: nobody else can have had its partition since.
        """
        wanted = set(partitions)
        kept = wanted if generation == self._assigned_in + 1 else set()
        await asyncio.gather(*(self._stop(partition) for partition in set(self._producers) - kept))
        self._assigned_in, self._partitions = generation, wanted
        self._proven.clear()
        await asyncio.gather(*(self._start(partition) for partition in wanted - set(self._producers)))

    async def write(self, partition: int, changelogs: Mapping[str, Entries], generation: int) -> dict[str, int]:
        """Writes entries by changelog, and returns the offset of the last one of each once Kafka has them all.

        ``generation``: in which the entries were made. Tries until Kafka takes them. Raises `Fenced` where the
        partition is no longer this worker's as of then.
        """
        attempts = Attempts("states", partition=partition)
        while True:
            if generation != self._assigned_in:
                raise Fenced(f"states of generation {generation} for partition {partition} come after another's")
            if partition not in self._partitions:  # to start its producer would fence the owner
                raise Fenced(f"partition {partition} is not this worker's in generation {generation}")
            try:
                if partition not in self._proven:
                    await self._prove(partition)
                offsets = await self._send(self._producers[partition], partition, changelogs)
            except (KafkaError, OSError, TimeoutError, AssertionError) as error:  # aiokafka asserts its states
                await self._stop(partition)
                self.refused = repr(error)
                await asyncio.sleep(attempts.failed(error))
                continue
            self.refused = None
            return offsets

    async def _send(
        self, producer: AIOKafkaProducer, partition: int, changelogs: Mapping[str, Entries]
    ) -> dict[str, int]:
        if self._settings.ephemeral:
            last = await _batches(producer, partition, changelogs)
        else:
            await producer.begin_transaction()
            last = await _batches(producer, partition, changelogs)
            await producer.commit_transaction()
        return {topic: (await sent.batch).offset + sent.records - 1 for topic, sent in last.items()}

    async def close(self) -> None:
        await asyncio.gather(*(self._stop(partition) for partition in list(self._producers)))

    async def _prove(self, partition: int) -> None:
        """Asks before a producer is started anew, which fences whoever has the partition, and again after it."""
        if partition not in self._producers:
            await self._confirm(partition)
            await self._start(partition)
        await self._confirm(partition)
        self._proven.add(partition)

    async def _confirm(self, partition: int) -> None:
        generation = await self._asks()
        if generation is None:
            raise TimeoutError("Kafka does not say whether this worker is still in its group")
        if generation != self._assigned_in:
            raise Fenced(f"partition {partition} was assigned in generation {self._assigned_in}, now is {generation}")

    async def _start(self, partition: int) -> None:
        self._proven.discard(partition)
        producer = AIOKafkaProducer(
            **{**aiokafka_options(self._settings), "client_id": f"{self._settings.client_id}-states-{partition}"},
            **self._kind(partition),
            max_batch_size=min(BATCH_BYTES, self._settings.max_message_bytes),  # the topics take no larger batch
            max_request_size=max(self._settings.max_message_bytes, 2 * BATCH_BYTES),
            retry_backoff_ms=20,
        )
        self._producers[partition] = await started(producer)

    def _kind(self, partition: int) -> dict[str, str]:
        if self._settings.ephemeral:
            return {"acks": "all"}
        return {"transactional_id": f"{self._settings.app_id}-{partition}"}

    async def _stop(self, partition: int) -> None:
        producer = self._producers.pop(partition, None)
        self._proven.discard(partition)
        if producer is not None:
            try:
                await producer.stop()
            except (KafkaError, OSError, TimeoutError, AssertionError) as error:
                log.debug("producer of states did not end well", partition=partition, error=repr(error))


async def _batches(producer: AIOKafkaProducer, partition: int, changelogs: Mapping[str, Entries]) -> dict[str, Sent]:
    """Each batch is handed over whole: a record at a time costs ten times as much."""
    last: dict[str, Sent] = {}
    for topic, entries in changelogs.items():
        for batch in packed(producer, entries):
            sent = await producer.send_batch(batch, topic, partition=partition)
            sent.add_done_callback(_looked_at)
            last[topic] = Sent(sent, batch.record_count())
    return last


def _looked_at(sent: asyncio.Future[RecordMetadata]) -> None:
    """Nobody waits for each: the last of them says what went wrong."""
    if not sent.cancelled():
        sent.exception()
