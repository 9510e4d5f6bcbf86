"""Real workers as processes, and bare clients that look at what they left on the topics."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from msgspec.structs import replace

from monitor.settings import Settings, aiokafka_options, environment
from monitor.topics.admin import create

KILLCORD = Path(sys.executable).with_name("killcord")
PATIENCE_S = 60.0
VOLATILE = ("issued_at", "expires_at")  # by the clock of whoever issues: the design promises nothing of them

T = TypeVar("T")


def env_of(settings: Settings) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    return clean | environment(settings)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Worker:
    """One ``killcord worker``; its log is in every failure."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = replace(settings, metrics_port=free_port())
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen([KILLCORD, "worker"], env=env_of(self.settings), stdout=output,
                                            stderr=output, cwd=log.parent)  # fmt: skip

    def get(self, path: str) -> tuple[int, str]:
        """(HTTP status, body); status 0: nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.metrics_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, series: str) -> float:
        """A sample's value, 0 if there is none: ``killcord_governed_total`` or ``name{label="value"}``."""
        for line in self.get("/metrics")[1].splitlines():
            if line.rpartition(" ")[0] == series:
                return float(line.rpartition(" ")[2])
        return 0.0

    async def until(self, true: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not await asyncio.to_thread(true):
            assert self.process.poll() is None, f"the worker ended while waiting for {what}: {self.said()}"
            assert time.monotonic() < end, f"not within {PATIENCE_S:g} s: {what}: {self.said()}"
            await asyncio.sleep(0.1)

    async def ready(self) -> Worker:
        await self.until(lambda: self.get("/readyz")[0] == 200, "ready")
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> None:
        """SIGTERM; it must go in good order."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, self.said()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-8000:]

    def lines(self) -> list[dict[str, Any]]:
        whole = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [json.loads(line) for line in whole if line.startswith("{")]


async def made(settings: Settings) -> Settings:
    """Creates all topics."""
    client = AIOKafkaAdminClient(**aiokafka_options(settings))
    await client.start()
    try:
        outcome = await create(client, settings)
        assert not outcome.problems, outcome.problems
    finally:
        await client.close()
    return settings


class Tail:
    """Every record of some topics from their beginning, as a bare consumer sees them."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.records: list[ConsumerRecord] = []

    def of(self, topic: str) -> list[dict[str, Any]]:
        """The messages on ``topic`` (its name after the prefix), decoded."""
        return [json.loads(r.value) for r in self.records if r.topic.endswith(f".{topic}") and r.value]

    async def until(self, found: Callable[[], T], patience: float = PATIENCE_S, worker: Worker | None = None) -> T:
        """Reads until ``found`` returns something true, and returns that."""
        end = time.monotonic() + patience
        while True:
            if what := found():
                return what
            told = "" if worker is None else worker.said()
            assert time.monotonic() < end, f"not within {patience:g} s; {len(self.records)} records; {told}"
            await self.more()

    async def more(self, wait_ms: int = 100) -> int:
        before = len(self.records)
        for records in (await self._consumer.getmany(timeout_ms=wait_ms)).values():
            self.records += records
        return len(self.records) - before

    async def quiet(self, seconds: float) -> None:
        """Reads until nothing has come for so long: for claims that something does not come."""
        last = time.monotonic()
        while time.monotonic() - last < seconds:
            if await self.more():
                last = time.monotonic()


@asynccontextmanager
async def tail(settings: Settings, *topics: str) -> AsyncIterator[Tail]:
    consumer = AIOKafkaConsumer(**aiokafka_options(settings), enable_auto_commit=False, auto_offset_reset="earliest",
                                fetch_max_wait_ms=50)  # fmt: skip
    await consumer.start()
    try:
        prefix = f"{settings.topic_prefix}."
        names = [topic if topic.startswith(settings.topic_prefix) else prefix + topic for topic in topics]
        places = [TopicPartition(name, n) for name in names for n in range(settings.partitions)]
        consumer.assign(places)
        for place in places:
            consumer.seek(place, 0)
        yield Tail(consumer)
    finally:
        await consumer.stop()


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[Callable[..., Any]]:
    """``await send(event)`` puts an event on the topic and returns its place; bytes and a topic may be given too."""
    producer = AIOKafkaProducer(**aiokafka_options(settings), acks="all", linger_ms=2)
    await producer.start()

    async def send(event: dict[str, Any] | bytes, key: str | None = None, topic: str = "events", **more: Any) -> Any:
        value = event if isinstance(event, bytes) else json.dumps(event).encode()
        key = key if key is not None else str(event["run_id"])  # type: ignore[index]
        name = f"{settings.topic_prefix}.{topic}"
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await producer.send_and_wait(name, value, key=key.encode(), **more)
            except KafkaError:  # the broker is being restarted
                assert time.monotonic() < end
                await asyncio.sleep(0.2)

    send.producer = producer  # type: ignore[attr-defined]
    try:
        yield send
    finally:
        await producer.stop()


class Agent:
    """Makes the events of one run, with ids and numbers as an SDK gives them."""

    def __init__(self, run_id: str, agent_name: str | None = None, **common: Any) -> None:
        self.run_id = run_id
        self._common = {"run_id": run_id, "agent_id": "main", "publisher": "test", **common}
        if agent_name is not None:
            self._common["agent_name"] = agent_name
        self._seq = 0

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        self._seq += 1
        return {"kind": kind, "id": f"{self.run_id}-{self._seq}", "time": time.time(), "seq": self._seq,
                **self._common, **fields}  # fmt: skip

    def call(self, command: str = "ls") -> dict[str, Any]:
        return self.event("tool.call", tool="bash", call_id=f"c{self._seq}", arguments={"command": command})

    def result(self, output: str = "ok", **fields: Any) -> dict[str, Any]:
        status = fields.pop("status", "ok")
        return self.event("tool.result", call_id=f"c{self._seq - 1}", status=status, output=output, **fields)


def stable(message: dict[str, Any]) -> str:
    """A command or alert without what the design promises nothing of."""
    return json.dumps({name: value for name, value in message.items() if name not in VOLATILE}, sort_keys=True)


def one_each(messages: Iterable[dict[str, Any]], *identity: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Messages by identity. Fails where one identity has two contents."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for message in messages:
        key = tuple(message[name] for name in identity)
        known = found.setdefault(key, message)
        assert stable(known) == stable(message), f"two contents of {key}:\n{stable(known)}\n{stable(message)}"
    return found


def promised(alerts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [alert for alert in alerts if not alert["operational"]]


async def killcord(settings: Settings, *arguments: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of a killcord command."""
    done = await asyncio.create_subprocess_exec(
        KILLCORD, *arguments, env=env_of(settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, errors = await asyncio.wait_for(done.communicate(), 120)
    assert done.returncode is not None
    return done.returncode, said.decode(), errors.decode()


async def replayed(settings: Settings, *options: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(alerts, commands) of ``killcord replay --topic --ndjson``."""
    status, said, errors = await killcord(settings, "replay", "--topic", "--ndjson", *options)
    assert status == 0, errors
    alerts, commands = [], []
    for line in map(json.loads, said.splitlines()):
        (alerts if line.pop("type") == "alert" else commands).append(line)
    return alerts, commands


async def committed(settings: Settings, topic: str, events: int) -> None:
    """Waits until the worker group has let go of so many messages: their states are then in the changelog."""
    client = AIOKafkaAdminClient(**aiokafka_options(settings))
    await client.start()
    end = time.monotonic() + PATIENCE_S
    try:
        while True:
            offsets = await client.list_consumer_group_offsets(settings.app_id)
            if sum(o.offset for tp, o in offsets.items() if tp.topic.endswith(topic)) >= events:
                return
            assert time.monotonic() < end, offsets
            await asyncio.sleep(0.1)
    finally:
        await client.close()


async def ends(settings: Settings, topic: str) -> int:
    """How many records all partitions of ``topic`` hold, counting transactions' markers."""
    async with AIOKafkaConsumer(**aiokafka_options(settings)) as reader:
        name = f"{settings.topic_prefix}.{topic}"
        return sum((await reader.end_offsets([TopicPartition(name, n) for n in range(settings.partitions)])).values())
